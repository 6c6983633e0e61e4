import { JuteRejection, Reader, type JuteFault } from "./reader.ts";
import { Writer } from "./writer.ts";

/** Both directions of one type on the wire. */
export interface Codec<T> {
  /** The fewest bytes a value takes; bounds the length of vectors. */
  readonly minBytes: number;
  /** @throws JuteRejection when the bytes are no such value */
  read(this: void, reader: Reader): T;
  write(this: void, writer: Writer, value: T): void;
}

/** The type of the values of a codec. */
export type Decoded<C> = C extends Codec<infer T> ? T : never;

/** What {@link decode} answers. */
export type DecodeResult<T> =
  | { readonly kind: "value"; readonly value: T; readonly size: number }
  | { readonly kind: "reject"; readonly code: JuteFault };

/** 32 bits with sign, big-endian. */
export const int: Codec<number> = {
  minBytes: 4,
  read: (reader) => reader.int(),
  write: (writer, value) => writer.int(value),
};

/** 64 bits with sign, big-endian. */
export const long: Codec<bigint> = {
  minBytes: 8,
  read: (reader) => reader.long(),
  write: (writer, value) => writer.long(value),
};

/** One byte; any but 0 reads as true. */
export const bool: Codec<boolean> = {
  minBytes: 1,
  read: (reader) => reader.bool(),
  write: (writer, value) => writer.bool(value),
};

/** UTF-8; a null string of the peer reads as an empty one. */
export const ustring: Codec<string> = {
  minBytes: 4,
  read: (reader) => reader.ustring(),
  write: (writer, value) => writer.ustring(value),
};

/** UTF-8 or null, where the two mean different things. */
export const ustringOrNull: Codec<string | null> = {
  minBytes: 4,
  read: (reader) => reader.buffer()?.toString() ?? null,
  write(writer, value) {
    if (value === null) writer.int(-1);
    else writer.ustring(value);
  },
};

/** Bytes or null, which are different values in ZooKeeper. */
export const buffer: Codec<Buffer | null> = {
  minBytes: 4,
  read: (reader) => reader.buffer(),
  write: (writer, value) => writer.buffer(value),
};

/** A list; a null list of the peer reads as an empty one. */
export function vector<T>(element: Codec<T>): Codec<readonly T[]> {
  const minElementBytes = Math.max(1, element.minBytes);
  return {
    minBytes: 4,
    read(reader) {
      const length = reader.vectorLength(minElementBytes);
      const values: T[] = [];
      for (let index = 0; index < length; index++)
        values.push(element.read(reader));
      return values;
    },
    write(writer, values) {
      writer.int(values.length);
      for (const value of values) element.write(writer, value);
    },
  };
}

/**
 * A last field that old peers leave out: undefined when the frame ends before
 * it, and written only when it is defined.
 */
export function trailing<T>(codec: Codec<T>): Codec<T | undefined> {
  return {
    minBytes: 0,
    read: (reader) => (reader.remaining === 0 ? undefined : codec.read(reader)),
    write(writer, value) {
      if (value !== undefined) codec.write(writer, value);
    },
  };
}

type Fields = Readonly<Record<string, Codec<unknown>>>;
/** The value of a record with these fields. */
export type RecordValue<F> = { readonly [Name in keyof F]: Decoded<F[Name]> };

/**
 * A record from a table of its fields in wire order. Reading copies a template
 * of the record's shape and fills it, so that all values share one hidden class
 * without generated code.
 */
export function record<
  const F extends {
    readonly [Name in keyof F]: Codec<
      F[Name] extends Codec<infer T> ? T : never
    >;
  },
>(fields: F): Codec<RecordValue<F>> {
  const names = Object.keys(fields);
  const codecs = Object.values(fields as Fields); // F is bounded by Fields, field by field
  const template: Record<string, unknown> = {};
  for (const name of names) template[name] = undefined;
  const count = names.length;
  return {
    minBytes: codecs.reduce((sum, codec) => sum + codec.minBytes, 0),
    read(reader) {
      const value = { ...template };
      for (let index = 0; index < count; index++)
        // Both lists have `count` entries.
        value[names[index] as string] = (codecs[index] as Codec<unknown>).read(
          reader,
        );
      return value as RecordValue<F>; // filled field by field above
    },
    write(writer, value) {
      const values = value as Readonly<Record<string, unknown>>; // a record is read by name here
      for (let index = 0; index < count; index++)
        (codecs[index] as Codec<unknown>).write(
          writer,
          values[names[index] as string], // as above
        );
    },
  };
}

/**
 * One value from the beginning of `bytes`. Bytes after it are left alone, as
 * Apache ZooKeeper does; `size` says how many were used.
 */
export function decode<T>(codec: Codec<T>, bytes: Buffer): DecodeResult<T> {
  const reader = new Reader(bytes);
  try {
    const value = codec.read(reader);
    return { kind: "value", value, size: reader.position };
  } catch (error) {
    if (error instanceof JuteRejection)
      return { kind: "reject", code: error.code };
    throw error;
  }
}

/** The bytes of one value. */
export function encode<T>(codec: Codec<T>, value: T): Buffer {
  const writer = new Writer();
  codec.write(writer, value);
  return writer.take();
}
