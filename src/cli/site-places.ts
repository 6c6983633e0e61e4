import type { ProxySettings } from "../config/index.ts";
import type { SiteFilePlaces } from "../proxy/index.ts";

/** Where the error pages and lists of users of a proxy are. */
export function sitePlaces({ main }: ProxySettings): SiteFilePlaces {
  return {
    errorPages: main.errorPages,
    targetCa: main.targetCa,
    users: new Map(
      main.users.map((text) => {
        const equals = text.indexOf("=");
        return [text.slice(0, equals), text.slice(equals + 1)];
      }),
    ),
  };
}
