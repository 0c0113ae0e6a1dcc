// Who I am: an id and a name of my own choice, which nobody checks: this version of the
// gateway knows no users. Kept for the tab, so that two tabs are two people.

const ADJECTIVES = ["Amber", "Brisk", "Calm", "Clever", "Gentle", "Lucky", "Merry", "Quiet", "Sunny", "Swift"];
const ANIMALS = ["Badger", "Crane", "Fox", "Hare", "Heron", "Lynx", "Otter", "Owl", "Robin", "Seal"];
const COLOURS = 8;

const pick = (list) => list[Math.floor(Math.random() * list.length)];

export const me = {
  id: kept("id", () => Math.random().toString(36).slice(2, 12)),
  name: kept("name", () => `${pick(ADJECTIVES)} ${pick(ANIMALS)}`),
};

/** Lets the field `#name` change the name; `onChange` hears of it. */
export function nameField(onChange = () => {}) {
  const field = document.getElementById("name");
  field.value = me.name;
  field.addEventListener("change", () => {
    const before = me.name;
    me.name = nameOf(field.value);
    field.value = me.name;
    sessionStorage.setItem("name", me.name);
    if (me.name !== before) onChange(before);
  });
  field.form?.addEventListener("submit", (press) => (press.preventDefault(), field.blur()));
}

/** A name as it may be shown, whatever came. */
export function nameOf(value) {
  return (typeof value === "string" && value.trim().slice(0, 24)) || "Somebody";
}

/** The number of somebody's colour, the same for everybody: `--person-0` to `--person-7`. */
export function colourOf(id) {
  let sum = 7;
  for (const letter of String(id).slice(0, 64)) sum = (sum * 31 + letter.codePointAt(0)) % 9973;
  return sum % COLOURS;
}

/** What a CSS variable is at the moment, for a canvas. */
export function css(variable) {
  return getComputedStyle(document.documentElement).getPropertyValue(variable).trim();
}

function kept(key, make) {
  const value = sessionStorage.getItem(key) ?? make();
  sessionStorage.setItem(key, value);
  return value;
}
