import { plainPath } from "../http/index.ts";

/** What the table needs to know of a service. */
export interface Routable {
  readonly name: string;
  /** Of two services that name one host and path, the lower wins. */
  readonly czxid: bigint;
  /** Lower case, without port; none: every host that nobody names. */
  readonly hosts: readonly string[];
  /** Prefix of whole path segments; begins with `/`. */
  readonly path: string;
}

/** Two services claim the same requests; `winner` gets them. */
export interface RouteConflict {
  readonly host: string | undefined;
  readonly path: string;
  readonly winner: string;
  readonly loser: string;
}

/**
 * From a request's host and path to a service: the host decides first, then the
 * longest path prefix, then the older service. A change costs work in
 * proportion to the hosts of the one service that changed.
 */
export class RoutingTable<Service extends Routable> {
  readonly #byHost = new Map<string, Service[]>();
  #forOtherHosts: Service[] = [];
  /** By name: the prefixes of whole paths as {@link plainPath} gives them. */
  readonly #plainPaths = new Map<string, string>();
  /** Whether any service has less than a whole host. */
  hasPrefixes = false;
  readonly #services = new Map<string, Service>();

  /** Adds a service, or replaces the one of that name. */
  set(service: Service): void {
    this.delete(service.name);
    this.#services.set(service.name, service);
    this.#plainPaths.set(service.name, plainPath(service.path) ?? service.path);
    if (service.path !== "/") this.hasPrefixes = true;
    if (service.hosts.length === 0) {
      this.#forOtherHosts = withService(this.#forOtherHosts, service);
      return;
    }
    for (const host of new Set(service.hosts))
      this.#byHost.set(
        host,
        withService(this.#byHost.get(host) ?? [], service),
      );
  }

  delete(name: string): void {
    const service = this.#services.get(name);
    if (service === undefined) return;
    this.#services.delete(name);
    this.#plainPaths.delete(name);
    if (service.path !== "/")
      this.hasPrefixes = [...this.services()].some(({ path }) => path !== "/");
    this.#forOtherHosts = this.#forOtherHosts.filter((one) => one !== service);
    for (const host of new Set(service.hosts)) {
      const left = (this.#byHost.get(host) ?? []).filter(
        (one) => one !== service,
      );
      if (left.length === 0) this.#byHost.delete(host);
      else this.#byHost.set(host, left);
    }
  }

  get(name: string): Service | undefined {
    return this.#services.get(name);
  }

  /** All services, in no order. */
  services(): IterableIterator<Service> {
    return this.#services.values();
  }

  /**
   * The service that answers, or undefined where no service does. `host` is in
   * lower case and may carry a port; `path` may carry a query.
   */
  find(host: string, path: string): Service | undefined {
    for (const service of this.#ofHost(host))
      if (isPrefix(service.path, path)) return service;
    return undefined;
  }

  /**
   * Whether a server that decodes, folds or resolves paths would take this one
   * for another service's than `found`: routed by its letters, it would get
   * past what guards the other.
   */
  isDoubtful(
    request: { readonly hostname: string; readonly path: string },
    found: Service | undefined,
  ): boolean {
    const { hostname, path } = request;
    const plain = plainPath(path);
    if (plain === path) return false;
    const services = this.#ofHost(hostname);
    if (services.every((service) => service.path === "/")) return false;
    if (plain === undefined) return true;
    const other = services.find(({ name }) =>
      isPrefix(this.#plainPaths.get(name) ?? "/", plain),
    );
    return other !== found;
  }

  #ofHost(host: string): readonly Service[] {
    return (
      this.#byHost.get(host) ??
      this.#byHost.get(withoutPort(host)) ??
      this.#forOtherHosts
    );
  }

  /** Every claim that lost, for the operator to see. */
  conflicts(): RouteConflict[] {
    const conflicts: RouteConflict[] = [];
    const collect = (host: string | undefined, services: Service[]) => {
      for (const [index, loser] of services.entries()) {
        const winner = services.find(({ path }) => path === loser.path);
        if (winner !== undefined && services.indexOf(winner) < index)
          conflicts.push({
            host,
            path: loser.path,
            winner: winner.name,
            loser: loser.name,
          });
      }
    };
    for (const [host, services] of this.#byHost) collect(host, services);
    collect(undefined, this.#forOtherHosts);
    return conflicts;
  }
}

/** Longest path first, then lowest czxid: the first that matches is the answer. */
function withService<Service extends Routable>(
  services: readonly Service[],
  service: Service,
): Service[] {
  return [...services, service].sort(
    (one, other) =>
      other.path.length - one.path.length ||
      (one.czxid < other.czxid ? -1 : one.czxid > other.czxid ? 1 : 0),
  );
}

function withoutPort(host: string): string {
  const colon = host.lastIndexOf(":");
  if (colon === -1) return host;
  const name = host.endsWith("]") ? host : host.slice(0, colon);
  return name.startsWith("[") && name.endsWith("]") ? name.slice(1, -1) : name;
}

/** `/app` covers `/app`, `/app/x` and `/app?x`, and not `/apple`. */
function isPrefix(prefix: string, path: string): boolean {
  if (prefix.length === 1) return true;
  if (!path.startsWith(prefix)) return false;
  if (path.length === prefix.length || prefix.endsWith("/")) return true;
  const next = path.charCodeAt(prefix.length);
  return next === 0x2f || next === 0x3f;
}
