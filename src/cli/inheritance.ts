import * as v from "valibot";

/*
 * What a proxy and its successor say to each other, as JSON over the channel
 * that Node opens between a process and one that it has started:
 *
 *     successor: hello ─► inheritance :predecessor
 *     successor: ready ─►  (drains and ends, which closes the channel)
 *     successor: failed ─► (goes on as if nothing had happened)
 *
 * The two may be of different versions: unknown keys are left alone.
 */

const Whole = v.pipe(v.number(), v.integer(), v.minValue(0));

const PassedListenerSchema = v.object({
  role: v.picklist(["data", "admin"]),
  /** As it was configured: what the successor looks it up by. */
  asked: v.string(),
  /** Where it is bound. */
  host: v.string(),
  port: Whole,
  /** Of each socket, the numbers it has in the successor. */
  sockets: v.array(v.array(Whole)),
  /** All of these are one socket, beside which no other can be opened. */
  isSingle: v.optional(v.boolean(), false),
});

const InheritanceSchema = v.object({
  kind: v.literal("inheritance"),
  listeners: v.array(PassedListenerSchema),
  ticketKeys: v.optional(v.object({ base64: v.string(), ageMs: v.number() })),
});

const ReportSchema = v.variant("kind", [
  v.object({ kind: v.literal("hello") }),
  v.object({ kind: v.literal("ready") }),
  v.object({ kind: v.literal("failed"), message: v.string() }),
]);

/** Listening sockets that one process passes on to another. */
export type PassedListener = Readonly<
  v.InferOutput<typeof PassedListenerSchema>
>;

export type InheritanceMessage = Readonly<
  v.InferOutput<typeof InheritanceSchema>
>;

/** From the successor. */
export type SuccessorReport = v.InferOutput<typeof ReportSchema>;

/** Undefined for anything else. */
export function readInheritance(
  message: unknown,
): InheritanceMessage | undefined {
  const result = v.safeParse(InheritanceSchema, message);
  return result.success ? result.output : undefined;
}

/** Undefined for anything else. */
export function readReport(message: unknown): SuccessorReport | undefined {
  const result = v.safeParse(ReportSchema, message);
  return result.success ? result.output : undefined;
}

/** Names the predecessor's process in the environment of its successor. */
export const PREDECESSOR_VARIABLE = "ZOOGATE_PREDECESSOR";
