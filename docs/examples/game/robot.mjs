// Keeps somebody company who is alone in the arena: runs for the nearest coin, never dashes.

const ID = "robot";
const NAME = "Robot";

/** Lets the robot play while exactly one other is there. */
export function robotPlays(game) {
  const others = [...game.players.keys()].filter((id) => id !== ID).length;
  if (others !== 1) return void game.players.delete(ID);
  const me = game.players.get(ID);
  const far = (coin) => Math.hypot(coin.x - me.x, coin.y - me.y) / coin.value;
  const coin = me && game.coins.reduce((best, other) => (far(other) < far(best) ? other : best), game.coins[0]);
  // Now and then it looks around, or nobody would ever win.
  const rests = game.tick % 40 < 16;
  const [dx, dy] = coin && !rests ? [coin.x - me.x, coin.y - me.y] : [0, 0];
  game.input(ID, { name: NAME, dx, dy, at: 0 });
}
