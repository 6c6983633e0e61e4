import type { FieldList } from "../http/index.ts";
import type { ServiceDefinition } from "../registry/index.ts";
import { AuthRules } from "./auth-rules.ts";
import { AnswerRules, isLocation } from "./answer-rules.ts";
import { PathRules } from "./path-rules.ts";
import { RedirectRules } from "./redirect-rules.ts";
import { RequestRules } from "./request-rules.ts";

/** What a definition says of requests and answers on their way, ready for use. */
export interface ServiceRules {
  readonly redirects: RedirectRules | undefined;
  readonly auth: AuthRules | undefined;
  readonly paths: PathRules | undefined;
  readonly requests: RequestRules | undefined;
  readonly answers: AnswerRules | undefined;
}

/** Undefined where nothing is to be done: a service without rules pays for none. */
export function serviceRules(
  definition: ServiceDefinition,
): ServiceRules | undefined {
  const redirects = RedirectRules.of(definition.redirects);
  const paths = PathRules.of(definition);
  const requests = RequestRules.of(definition);
  const answers = AnswerRules.of(definition, paths);
  const auth = AuthRules.of(definition.auth);
  const rules = { redirects, auth, paths, requests, answers };
  return Object.values(rules).some((one) => one !== undefined)
    ? rules
    : undefined;
}

/** Whether what is stored under one definition is not what another would get. */
export function asksOtherwise(
  one: ServiceDefinition,
  other: ServiceDefinition,
): boolean {
  const asked = ({ path, paths, headers, compress, auth }: ServiceDefinition) =>
    JSON.stringify([
      paths.strip && path,
      paths.add,
      paths.rewrite,
      headers.request,
      compress,
      auth,
    ]);
  return asked(one) !== asked(other);
}

/** The fields of an answer with the locations that clients know. */
export function publicFields(
  fields: FieldList,
  rules: ServiceRules | undefined,
  host: string,
): FieldList {
  const answers = rules?.answers;
  if (answers === undefined) return fields;
  return fields.map((text, index) =>
    index % 2 === 1 && isLocation(fields[index - 1] ?? "")
      ? answers.publicLocation(text, host)
      : text,
  );
}
