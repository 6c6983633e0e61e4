import type { Socket } from "node:net";
import { plainAddress } from "../base/index.ts";
import { awaitHeaderOnSocket, awaitHeaderOnWire } from "./awaited-header.ts";
import type { Client, Dispatch } from "./client.ts";
import { ClientConnection } from "./client-connection.ts";
import { BEHIND_SOCKET, type ConnectionEnds } from "./client-facts.ts";
import { type ClientGuard, REFUSED } from "./client-guard.ts";
import { Http2Connection } from "./http2-connection.ts";
import { Networks } from "./networks.ts";
import { redirectToHttps } from "./redirect-to-https.ts";
import { SecureListener } from "./secure-listener.ts";
import { SecureWire } from "./secure-wire.ts";
import type { Thread } from "./thread.ts";
import { adoptAccepted, type Wire } from "./wire.ts";
import type { ListenAddress, TlsMaterial } from "./worker-messages.ts";

/** Who holds the clients once they are in. */
export interface EntryOwner {
  readonly thread: Thread;
  readonly guard: ClientGuard;
  readonly dispatch: Dispatch;
  /** One that is served from now on. */
  add(client: Client): void;
  /** One that is not yet. */
  hold(client: Client): void;
  gone(client: Client): void;
}

/**
 * What happens to a connection between the listener that accepted it and the
 * thread that serves it: the guard looks at it, a header of the PROXY protocol
 * and TLS are taken off, and it becomes a {@link Client}.
 */
export class ClientEntry {
  readonly #owner: EntryOwner;
  readonly #secure: SecureListener | undefined;
  readonly #dispatch: Dispatch;
  #proxyPeers = new Networks([]);
  readonly #onGone = (gone: Client) => this.#owner.gone(gone);
  /** Of a connection that the guard counts under this client. */
  readonly #onCountedGone = (gone: Client) => {
    this.#owner.guard.leave(gone);
    this.#owner.gone(gone);
  };

  constructor(owner: EntryOwner, material: TlsMaterial | undefined) {
    this.#owner = owner;
    this.#dispatch = owner.guard.guarded(owner.dispatch);
    this.#secure = material && new SecureListener(material, this.#handlers());
  }

  /** Connections whose TLS handshake is not done. */
  get handshakes(): number {
    return this.#secure?.handshakes ?? 0;
  }

  configure(settings: {
    readonly proxyPeers: readonly string[];
    readonly tls: TlsMaterial | undefined;
  }): void {
    if (settings.tls !== undefined) this.#secure?.replace(settings.tls);
    this.#proxyPeers = new Networks(settings.proxyPeers);
  }

  /** Ends the handshakes. */
  close(): void {
    this.#secure?.close();
  }

  /** What a listener does with the sockets that it accepts. */
  acceptor(address: ListenAddress): (shell: Socket) => void {
    const { tls, redirectPort, proxyProtocol, socketPath } = address;
    const own = socketPath === undefined ? undefined : BEHIND_SOCKET;
    const peer = own && { remoteAddress: own.source.address };
    const { guard, dispatch, thread } = this.#owner;
    const decide =
      redirectPort === undefined
        ? this.#dispatch
        : guard.guarded(redirectToHttps(dispatch, redirectPort));
    const next = (tls === true ? this.#secure : undefined) ?? decide;
    return (shell) => {
      if (proxyProtocol === true && !this.#proxyPeers.isEmpty) {
        this.#awaitHeader(shell, next, own);
        return;
      }
      const lease = guard.enter(peer ?? shell);
      if (lease === REFUSED) refuse(shell);
      else if (next instanceof SecureListener)
        this.#handshake(shell, { secure: next, ends: own, lease });
      else {
        const wire = adoptAccepted(thread.input, shell);
        wire.ends = own;
        this.#serve(wire, next, lease);
      }
    };
  }

  /** A header of the PROXY protocol, in clear, then what the listener is for. */
  #awaitHeader(
    shell: Socket,
    next: SecureListener | Dispatch,
    own: ConnectionEnds | undefined,
  ): void {
    const { guard, thread } = this.#owner;
    const peer = plainAddress(own?.source.address ?? shell.remoteAddress ?? "");
    if (!this.#proxyPeers.has(peer)) {
      // Who has left already, as a check of a balancer does, has no address.
      if (peer !== "") this.#countFault("proxy-peer");
      refuse(shell);
      return;
    }
    if (!guard.enterTotal()) {
      refuse(shell);
      return;
    }
    // Counted under who waits for the header, then under who comes after it.
    let isHandedOn = false;
    const onGone = (gone: Client) => {
      if (!isHandedOn) guard.leave(gone);
      this.#owner.gone(gone);
    };
    const admit = (ends: ConnectionEnds | undefined) => {
      const lease = guard.admit(plainAddress(ends?.source.address ?? peer));
      isHandedOn = lease !== REFUSED;
      return lease;
    };
    const waiting =
      next instanceof SecureListener
        ? awaitHeaderOnSocket(shell, {
            thread,
            onGone,
            onHeader: (told) => {
              const ends = told ?? own;
              const lease = admit(ends);
              if (lease === REFUSED) refuse(shell);
              else this.#handshake(shell, { secure: next, ends, lease });
            },
          })
        : this.#awaitOnWire(shell, { next, onGone, admit, own });
    this.#owner.hold(waiting);
  }

  #awaitOnWire(
    shell: Socket,
    how: {
      readonly next: Dispatch;
      readonly onGone: (gone: Client) => void;
      readonly admit: (ends: ConnectionEnds | undefined) => number;
      readonly own: ConnectionEnds | undefined;
    },
  ): Client {
    const { next, onGone, admit, own } = how;
    const { thread } = this.#owner;
    const wire = adoptAccepted(thread.input, shell);
    return awaitHeaderOnWire(wire, {
      thread,
      onGone,
      onHeader: (told, rest) => {
        const ends = told ?? own;
        const lease = admit(ends);
        if (lease === REFUSED) {
          wire.destroy();
          return;
        }
        wire.ends = ends;
        const client = this.#serve(wire, next, lease);
        if (rest.length > 0) client.onBytes(rest, rest.length);
      },
    });
  }

  /** The guard counts the connection until its socket is closed. */
  #handshake(
    shell: Socket,
    how: {
      readonly secure: SecureListener;
      readonly ends: ConnectionEnds | undefined;
      readonly lease: number;
    },
  ): void {
    this.#owner.guard.keep(shell, how.lease);
    how.secure.accept(shell, how.ends);
  }

  /** Without a `lease` the guard counts the connection elsewhere. */
  #serve(wire: Wire, dispatch: Dispatch, lease?: number): ClientConnection {
    const { thread, guard } = this.#owner;
    const client = new ClientConnection(wire, {
      thread,
      dispatch,
      onGone: lease === undefined ? this.#onGone : this.#onCountedGone,
    });
    if (lease !== undefined) guard.keep(client, lease);
    this.#owner.add(client);
    return client;
  }

  #handlers(): ConstructorParameters<typeof SecureListener>[1] {
    const { thread, guard } = this.#owner;
    return {
      limits: thread.limits,
      onHttp1: (socket, ends) => {
        const wire = new SecureWire(thread.input, socket);
        wire.ends = ends;
        this.#serve(wire, this.#dispatch);
      },
      onHttp2: (socket, ends) => {
        this.#owner.add(
          new Http2Connection(socket, {
            thread,
            dispatch: this.#dispatch,
            onGone: this.#onGone,
            ends,
          }),
        );
      },
      onClosed: (raw) => guard.leave(raw),
      onFailed: () => this.#countFault("tls-handshake"),
    };
  }

  #countFault(fault: string): void {
    const { clientFaults } = this.#owner.thread.totals;
    clientFaults[fault] = (clientFaults[fault] ?? 0) + 1;
  }
}

function refuse(shell: Socket): void {
  shell.on("error", () => {});
  shell.destroy();
}
