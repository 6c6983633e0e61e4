/**
 * A WebSocket server as a process of its own, on `PORT`. Each connection is told
 * the process id first, then gets back whatever it sends. SIGTERM closes them
 * all with 1001.
 */
import type { WebSocket } from "ws";
import { WebSocketTarget } from "./websocket.ts";

const target = await WebSocketTarget.start({
  port: Number(process.env["PORT"]),
});
target.sockets.on("connection", (socket: WebSocket) => {
  socket.send(String(process.pid));
  socket.on("message", (data, isBinary) => {
    socket.send(data, { binary: isBinary });
  });
});
process.once("SIGTERM", () => {
  for (const socket of target.sockets.clients) socket.close(1001, "restart");
  target.server.close(() => process.exit(0));
});
