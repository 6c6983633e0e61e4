import type { FieldList } from "../http/index.ts";
import type { ServiceDefinition } from "../registry/index.ts";
import { AnswerRules } from "./answer-rules.ts";
import { PathRules } from "./path-rules.ts";
import { RedirectRules } from "./redirect-rules.ts";

/** What a definition says of requests and answers on their way, ready for use. */
export interface ServiceRules {
  readonly redirects: RedirectRules | undefined;
  readonly paths: PathRules | undefined;
  readonly answers: AnswerRules | undefined;
}

/** Undefined where nothing is to be done: a service without rules pays for none. */
export function serviceRules(
  definition: ServiceDefinition,
): ServiceRules | undefined {
  const redirects = RedirectRules.of(definition.redirects);
  const paths = PathRules.of(definition);
  const answers = AnswerRules.of(paths);
  return redirects === undefined && paths === undefined
    ? undefined
    : { redirects, paths, answers };
}

/** Whether what is stored under one definition is not what another would get. */
export function asksOtherwise(
  one: ServiceDefinition,
  other: ServiceDefinition,
): boolean {
  const asked = ({ path, paths }: ServiceDefinition) =>
    JSON.stringify([paths.strip && path, paths.add, paths.rewrite]);
  return asked(one) !== asked(other);
}

/** The fields of an answer with the locations that clients know. */
export function publicFields(
  fields: FieldList,
  rules: ServiceRules | undefined,
  host: string,
): FieldList {
  const paths = rules?.paths;
  if (paths?.restoresLocations !== true) return fields;
  return fields.map((text, index) => {
    if (index % 2 === 0) return text;
    const name = fields[index - 1]?.toLowerCase();
    return name === "location" || name === "content-location"
      ? paths.publicLocation(text, host)
      : text;
  });
}
