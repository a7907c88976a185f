// A search in plain English, of a map or of a family.

export const MIN_READ = 0.3; // of a reading: below, a head stands nowhere in particular

/** What is searched, in its own words; a family's places are people, and its connections ties. */
const WORDS = {
  map: { whole: "map", place: "place", connection: "connection", untold: "a place that it was not told",
    nowhere: "a place that is nowhere", next: "Which place is next in the queue?", sought: "what is looked for",
    onward: "its connections" },
  family: { whole: "family tree", place: "person", connection: "tie", untold: "a person that it was not told of",
    nowhere: "a person who is nowhere", next: "Who is next in the queue?", sought: "the person who is looked for",
    onward: "their ties" },
};

/** The words for what a search is about. */
export function wordsOf(search) {
  return WORDS[search.about];
}

/** The name of a place. */
export function placeName(search, place) {
  if (place < 0) return wordsOf(search).untold;
  return place === search.nowhere ? wordsOf(search).nowhere : search.places[place];
}

/** An edge: "Bank —Central→ St. Paul's". */
export function edgeName(search, edge) {
  const { source, line, destination } = search.edges[edge];
  return `${placeName(search, source)} —${search.lines[line]}→ ${placeName(search, destination)}`;
}

/** What a step says. */
export function saying(search, step) {
  const { kind, source, destination, edge } = search.said(step), name = placeName(search, destination);
  const expanded = search.expanded[step], looks = looking(search, step), words = wordsOf(search);
  switch (kind) {
    case "CHECK": return looks;
    case "SEEN": return `${looks} Yes.`;
    case "UNSEEN": return `${looks} No.`;
    case "FOUND": return `${looks} It is ${words.sought}: found!`;
    case "PUSH": {
      if (edge >= 0 && step > 0 && search.said(step - 1).kind === "UNSEEN" && search.said(step - 1).edge === edge) {
        return `${looks} No: it joins the queue.`;
      }
      return edge >= 0 ? `${edgeName(search, edge)} joins the queue.` : `${name} joins the queue.`;
    }
    case "NEXT": return `All ${words.connection}s of ${name} are read. ${words.next}`;
    case "POP": return `Next in the queue is ${name}: now ${words.onward} are read.`;
    case "FAIL": return search.everywhere
      ? "The queue is used up: all that can be reached is reached."
      : `The queue is used up: there is no way to ${placeName(search, search.target)}.`;
    case "PATH": return edge >= 0
      ? `The way back: ${edgeName(search, edge)}.`
      : `The way back: from ${name} to ${placeName(search, source)}, which it was not told.`;
    case "BACK": return `The way back: how was ${name} reached?`;
    case "DONE": return `The way back is at ${placeName(search, search.start)}, where it started: done.`;
    default: return `Says ${kind} ${destination >= 0 ? `${name} ` : ""}while it is at ` +
      `${expanded >= 0 ? placeName(search, expanded) : "the way back"}, which means nothing here.`;
  }
}

/** The connection that a step looks at, and the question about where it leads. */
function looking(search, step) {
  const { edge } = search.said(step), place = search.checked[step], name = placeName(search, place);
  const asked = `Has ${name} been seen?`;
  if (edge >= 0 && search.edges[edge].destination === place) return `Reads ${edgeName(search, edge)}. ${asked}`;
  const expanded = search.expanded[step];
  return expanded >= 0 ? `${asked} (No ${wordsOf(search).connection} leads there from ${placeName(search, expanded)}.)`
    : asked;
}

/** What a correct search would have said in a step; "" if the network said it. */
export function correction(search, step) {
  const right = search.right(step);
  if (!right) return "";
  const { connection, sought } = wordsOf(search), name = placeName(search, right.destination);
  const asked = placeName(search, search.checked[Math.max(0, step - 1)]);
  const because = {
    CHECK: () => `the next ${connection} leads to ${name}`,
    NEXT: () => `${name} has no more ${connection}s`,
    SEEN: () => `${asked} had been seen`,
    UNSEEN: () => `${asked} had not been seen`,
    FOUND: () => `${asked} is ${sought}`,
    PUSH: () => `${name} has to join the queue`,
    POP: () => `${name} is next in the queue`,
    FAIL: () => "the queue is used up",
    PATH: () => (right.edge >= 0 ? `the way is ${edgeName(search, right.edge)}` : "the way goes on"),
    BACK: () => `the way back goes on from ${name}`,
    DONE: () => "the way back is complete",
  }[right.kind]();
  const instead = right.kind === search.said(step).kind ? "" : `, so that a correct search says ${right.kind}`;
  return `Mistake: ${because}${instead}.`;
}

/** What is in a slot by a step. */
export function slotWords(search, slot, step) {
  const entry = search.inQueue(slot, step);
  if (entry) {
    if (entry.step < 0) return `${placeName(search, entry.place)}, the start`;
    return entry.edge < 0 ? placeName(search, entry.place) : `${edgeName(search, entry.edge)}, in the queue`;
  }
  const told = search.told[slot - 1];
  if (!told || slot >= search.queue_begins) return "an empty slot";
  if (told.kind === "EDGE") return edgeName(search, told.edge);
  return `the ${told.kind === "NODE" ? "beginning" : "end"} of the ${wordsOf(search).connection}s of ` +
    placeName(search, told.place);
}

/** Where a head stands in a step. */
export function headWords(search, step, head) {
  const { slot, weight } = search.read(step, head);
  if (!(weight >= MIN_READ)) return `head ${head + 1} reads many slots a little`;
  return `head ${head + 1} reads slot ${slot} (${Math.round(100 * weight)} %): ${slotWords(search, slot, step)}`;
}

/** How the search ended. */
export function outcome(search, answers) {
  const { kind } = search.said(search.steps - 1), target = placeName(search, search.target);
  const start = placeName(search, search.start);
  if (kind === "FAIL" && search.everywhere) return "It searched until its queue was used up.";
  if (kind === "FAIL") return `Its queue was used up before it found ${target}: it says that there is no way.`;
  if (kind === "DONE" && answers) return `It found ${target} and the way back to ${start}.`;
  if (kind === "DONE") return `It says that it is done, but what it names is no way from ${start} to ${target}.`;
  return `It had not come to an end after ${search.steps} steps, and was stopped.`;
}
