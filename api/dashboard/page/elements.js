// Builds and keeps elements. Whatever comes from the service becomes text, never markup.

const SVG = "http://www.w3.org/2000/svg";

/** The element of the page with this id. */
export function byId(id) {
  return document.getElementById(id);
}

/**
 * A new element. `attributes` are attributes by name, those with `on` listeners; those that are null or false are left
 * out. `children` are elements and texts.
 */
export function element(tag, attributes = {}, ...children) {
  return filled(document.createElement(tag), attributes, children);
}

/** The same for SVG. */
export function drawn(tag, attributes = {}, ...children) {
  return filled(document.createElementNS(SVG, tag), attributes, children);
}

function filled(made, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (value !== null && value !== false) made.setAttribute(name, value === true ? "" : value);
  }
  made.append(...children.filter((each) => each !== null));
  return made;
}

/** A name or another text from outside: its direction is its own, and however long it is, it has a few lines. */
export function given(text, attributes = {}) {
  return element("bdi", { class: "given", ...attributes }, String(text));
}

/** Says `text` in `place`, which is left alone if it says so already. */
export function say(place, text) {
  if (place.textContent !== text) place.textContent = text;
}

/**
 * Makes the children of `parent` those of `items`, by `key`: one that is there already stays, with its focus and what
 * is open in it. `make` builds the child of an item, `renew` brings one up to date.
 */
export function keep(parent, items, key, make, renew = () => {}) {
  const there = new Map([...parent.children].map((child) => [child.dataset.key, child]));
  const children = items.map((item) => {
    const child = there.get(String(key(item))) ?? make(item);
    child.dataset.key = key(item);
    renew(child, item);
    return child;
  });
  for (const child of [...parent.children]) if (!children.includes(child)) child.remove();
  children.forEach((child, place) => {
    if (parent.children[place] !== child) parent.insertBefore(child, parent.children[place] ?? null);
  });
}

/** A table of texts and elements; `columns` are its heads, those in `numeric` are aligned as numbers. */
export function tableOf(columns, rows, numeric = []) {
  const aligned = (place) => (numeric.includes(place) ? { class: "number" } : {});
  return [
    element("thead", {}, element("tr", {}, ...columns.map((each, place) => head(each, "col", aligned(place))))),
    element("tbody", {}, ...rows.map(([first, ...others]) =>
      element("tr", {}, head(first, "row", aligned(0)),
        ...others.map((each, place) => element("td", aligned(place + 1), each))))),
  ];
}

function head(content, scope, attributes) {
  return element("th", { scope, ...attributes }, content);
}
