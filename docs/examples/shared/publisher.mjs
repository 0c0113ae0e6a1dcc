// Publishes over HTTP as a backend does, and is honest when the gateway does not take it:
// it says so once, waits longer each time, and tells the caller that nobody got it.

const WAIT_MS_MIN = 250;
const WAIT_MS_MAX = 5_000;
const ANSWER_MS = 5_000;

export class Publisher {
  #api;
  #log;
  #failures = 0;
  #notBefore = 0;

  /** `api` is the internal listener; `log` takes lines for people. */
  constructor(api, log) {
    this.#api = api;
    this.#log = log;
  }

  /** Publishes `{ to, event, args, … }`; whether the gateway took it. False at once while it waits. */
  async publish(publication) {
    if (Date.now() < this.#notBefore) return false;
    try {
      const answer = await fetch(`${this.#api}/v1/publish`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify(publication),
        signal: AbortSignal.timeout(ANSWER_MS),
      });
      // A body that nobody reads would keep the connection busy.
      const text = await answer.text();
      if (answer.ok) return this.#taken();
      // 503: overloaded or going away. Anything else is a mistake of ours, and no repeat
      // will mend it: the wait keeps it from filling the log.
      return this.#refused(`answers ${answer.status} ${text}`, Number(answer.headers.get("retry-after")) * 1000);
    } catch (error) {
      return this.#refused(`does not answer at ${this.#api} (${error.cause?.code ?? error.name})`);
    }
  }

  #taken() {
    if (this.#failures > 0) this.#log("the gateway is back");
    this.#failures = 0;
    return true;
  }

  #refused(why, askedForMs = 0) {
    if (this.#failures === 0) this.#log(`the gateway ${why}: trying again`);
    const wait = Math.min(WAIT_MS_MAX, WAIT_MS_MIN * 2 ** this.#failures++);
    this.#notBefore = Date.now() + Math.max(wait, askedForMs);
    return false;
  }
}
