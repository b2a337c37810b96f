// Asks again and again while somebody looks.

const SHORTEST_PAUSE_MS = 1000;
const LONGEST_PAUSE_MS = 30_000;

/**
 * One question at a time, the next one a while after the last answer. Hidden pages do not ask, and do so at once when
 * they are seen again. After failures the pauses double, and vary so that pages do not come back all at once.
 *
 * `listener` is told of each answer (`answered()`), and of each failure with the pause in seconds, or null if it stops
 * (`failed(error, pause)`). `hopeless` says of an error that asking again will not help.
 */
export class Poll {
  #listener;
  #hopeless;
  #ask = null;
  #everyMs = null;
  #timer = 0;
  #failures = 0;
  #running = null;

  constructor(listener, hopeless) {
    this.#listener = listener;
    this.#hopeless = hopeless;
    document.addEventListener("visibilitychange", () => {
      clearTimeout(this.#timer);
      if (!document.hidden) this.now();
    });
    window.addEventListener("online", () => this.now());
  }

  /** Begins with another question: `ask(signal)` is called now, and `everyMs` after each answer; null: only once. */
  start(ask, everyMs) {
    this.stop();
    this.#ask = ask;
    this.#everyMs = everyMs;
    this.now();
  }

  stop() {
    clearTimeout(this.#timer);
    this.#running?.abort();
    this.#running = this.#ask = null;
    this.#failures = 0;
  }

  /** Does not wait for the rest of a pause. */
  now() {
    clearTimeout(this.#timer);
    if (this.#ask !== null && this.#running === null && !document.hidden) this.#once(this.#ask);
  }

  async #once(ask) {
    const running = new AbortController();
    this.#running = running;
    let pauseMs = this.#everyMs;
    try {
      await ask(running.signal);
      if (running.signal.aborted) return;
      this.#failures = 0;
      if (pauseMs === null) this.#ask = null;
      this.#listener.answered();
    } catch (error) {
      if (running.signal.aborted) return;
      this.#failures += 1;
      pauseMs = this.#hopeless(error) ? null : this.#pauseAfter(error);
      this.#listener.failed(error, pauseMs === null ? null : pauseMs / 1000);
    }
    this.#running = null;
    if (pauseMs !== null && !document.hidden) this.#timer = setTimeout(() => this.now(), pauseMs);
  }

  #pauseAfter(error) {
    const doubled = Math.min(LONGEST_PAUSE_MS, (this.#everyMs ?? SHORTEST_PAUSE_MS) * 2 ** this.#failures);
    return Math.max(doubled * (0.75 + Math.random() / 2), (error.retryAfter ?? 0) * 1000);
  }
}
