declare const brand: unique symbol;

/**
 * A type that cannot be swapped with another of the same shape. Used only
 * where two equal types stand side by side (a zxid and a session id).
 */
export type Brand<T, Name extends string> = T & { readonly [brand]: Name };
