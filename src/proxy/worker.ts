import { parentPort, workerData } from "node:worker_threads";
import { errorMessage } from "../base/index.ts";
import { accessLines } from "./access-line.ts";
import { DataThread } from "./data-thread.ts";
import type {
  MessageFromWorker,
  MessageToWorker,
  WorkerSetup,
} from "./worker-messages.ts";

/** Entry of a worker thread: glue between messages and a {@link DataThread}. */

const port = parentPort;
if (port === null)
  throw new TypeError("Cannot start: this module is run as a worker thread");
const setup = workerData as WorkerSetup; // written by WorkerCrew
const post = (message: MessageFromWorker) => port.postMessage(message);
const thread = new DataThread(setup, post);

// A thread that ends closes its sockets, and an answer that ends with its
// connection would look whole: they are reset before.
process.on("uncaughtExceptionMonitor", () => thread.cut());

port.on("message", (message: MessageToWorker) => {
  switch (message.kind) {
    case "changes":
      thread.apply(message.changes, message.sequence);
      return;
    case "restored":
      thread.routes.get(message.service)?.wakeWaiters();
      return;
    case "settings":
      thread.configure(message.settings);
      return;
    case "report":
      post({ kind: "reply", id: message.id, value: thread.report() });
      return;
    case "access":
      post({ kind: "reply", id: message.id, value: thread.access.drain() });
      return;
    case "access-lines":
      post({
        kind: "reply",
        id: message.id,
        value: accessLines(thread.access.drain(), message.format),
      });
      return;
    case "purge":
      post({
        kind: "reply",
        id: message.id,
        value: thread.cache.purge(message.purge),
      });
      return;
    case "drain":
      thread.drain();
      return;
    case "cut":
      thread.cut();
      return;
    default:
      message satisfies never;
  }
});

try {
  const descriptors = await thread.listen(setup.listen, setup.reusePort);
  post({ kind: "listening", descriptors });
} catch (error) {
  post({ kind: "cannot-listen", message: errorMessage(error) });
}
