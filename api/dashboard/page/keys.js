// The keys that the reader gives. They are kept in this module while the page is open, and nowhere else.

import { byId, say } from "./elements.js";

/** The reader has closed the dialog without giving a key. */
export class NoKey extends Error {}

const KINDS = {
  reading: {
    title: "Key for reading",
    about: "The dashboard shows data to whoever has the key of the function read_dashboard.",
  },
  releasing: {
    title: "Key for releasing",
    about: "To release what is parked takes a key of its own: that of the function release_parked.",
  },
};

// A key goes in a header, for which the browser refuses most other characters.
const POSSIBLE = /^[\x20-\x7e]*$/;

const given = {};
const asked = {};

/** The header that shows the key of this kind, if there is one. */
export function keyHeader(kind) {
  return given[kind] === undefined ? {} : { "x-functions-key": given[kind] };
}

/** Asks for a key after the service has refused the request. Raises NoKey if none is given. */
export function askForKey(kind) {
  // Whoever asks meanwhile waits for the same answer.
  asked[kind] ??= answered(kind).finally(() => delete asked[kind]);
  return asked[kind];
}

async function answered(kind) {
  const dialog = byId("key-dialog");
  const field = byId("key");
  say(byId("key-title"), KINDS[kind].title);
  say(byId("key-about"), KINDS[kind].about);
  say(byId("key-refused"), given[kind] === undefined ? "" : "The service did not accept this key.");
  delete given[kind];
  const closed = new Promise((resolve) => {
    dialog.addEventListener("close", resolve, { once: true });
  });
  byId("key-form").onsubmit = (event) => {
    event.preventDefault();
    const key = field.value.trim();
    if (POSSIBLE.test(key)) {
      given[kind] = key;
      dialog.close();
    } else {
      say(byId("key-refused"),
        "This cannot be the key: it has a character that no key has, such as “…”. Copy the whole key.");
      field.focus();
    }
  };
  dialog.showModal();
  field.focus();
  await closed;
  field.value = "";
  if (!given[kind]) {
    delete given[kind];
    throw new NoKey("no key was given");
  }
}
