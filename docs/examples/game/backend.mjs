// The game's backend: it alone decides. It hears players as a member of the room of inputs,
// and tells everybody the state 20 times a second over HTTP.
//
// `delivery: "latest"` with a `key` is what makes that safe: to a player whose line is slow
// the gateway keeps the newest state and drops the older ones, so that nobody sees the past.
// For the same reason a state is never queued here: while one is on its way, or the gateway
// is away, the next ones are left out.

import { io } from "socket.io-client";

import { Publisher } from "../shared/publisher.mjs";
import { robotPlays } from "./robot.mjs";
import { Game, TICK_MS } from "./rules.mjs";

const INPUTS = "game:inputs";
const ARENA = "game:arena";

/** Runs the game for as long as the process runs. */
export function startGame(gateway, api, roundMs) {
  const log = (line) => console.error(`game: ${line}`);
  const publisher = new Publisher(api, log);
  const game = new Game({ roundMs });
  const socket = io(gateway, { transports: ["websocket"], reconnectionDelayMax: 2_000 });
  listen(socket, game, log);

  let sending = false;
  setInterval(async () => {
    // The game stands still while nobody can play, or wants to.
    if (!socket.connected || game.players.size === 0) return;
    robotPlays(game);
    game.step();
    if (sending) return;
    sending = true;
    await publisher.publish({
      to: { rooms: [ARENA] },
      event: "state",
      args: [game.state()],
      delivery: "latest",
      key: "state",
    });
    sending = false;
  }, TICK_MS);
}

/** Hears what players want. The client connects again by itself; the room has to be asked for
 *  at every connect. */
function listen(socket, game, log) {
  const subscribe = () =>
    socket.timeout(5_000).emit("subscribe", INPUTS, (error, answer) => {
      if (answer?.ok) return log("hears the players");
      log(`cannot hear the players: ${answer?.error.message ?? error.message}`);
      // Without a connection, the next one asks again.
      if (socket.connected) setTimeout(subscribe, 2_000);
    });
  socket.on("connect", subscribe);
  socket.on("disconnect", (reason) => log(`hears nobody: ${reason}`));
  socket.on("leave", (player) => game.players.delete(player?.id));
  socket.on("input", (input) => {
    const clean = read(input);
    if (clean) game.input(clean.id, clean);
  });
}

/** What a player may want, or undefined: anybody may publish anything to the room. With users
 *  that the gateway knows, the id would be theirs; here everybody is who they say. */
function read(input) {
  const { id, name, dx, dy, dash, at } = input ?? {};
  const isText = (value, most) => typeof value === "string" && value.length > 0 && value.length <= most;
  const isWay = (value) => Number.isFinite(value) && Math.abs(value) <= 1;
  if (!isText(id, 64) || id === "robot" || !isText(name, 24) || !isWay(dx) || !isWay(dy)) return undefined;
  return { id, name, dx, dy, dash: dash === true, at: Number.isFinite(at) ? at : 0 };
}
