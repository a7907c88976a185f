// The strips of a recording: its inputs and outputs, weightings, read modes and gates over time.

import { capitalize, format, range } from "./dom.js";
import { Axis, Shares, Strip } from "./strips.js";

const MODES = ["backward", "content", "forward"];

/** All strips of a player's recording, the time axis last. Those with `small` stand beside each other. */
export function buildTimeline(player) {
  return [...channelStrips(player), ...slotStrips(player), ...modeStrips(player), ...gateStrips(player),
    new Axis(player)];
}

/** Inputs, outputs and targets, those that the recording has. */
function channelStrips(player) {
  const { recording } = player, { inputs, outputs, targets, mask } = recording.arrays;
  const strips = [];
  const add = (array, title, help, labels, more = {}) => {
    if (!array) return;
    const { shape: [, width], data } = array, rows = range(width), [low, high] = limits(data);
    strips.push(new Strip(player, { title, help, rows: () => rows, ramp: low < 0 ? "signed" : "plain", low, high,
      maxHeight: 96, name: (row) => labels[row] || `channel ${row + 1}`,
      value: (step, row) => data[step * width + row], ...more }));
  };
  const counts = mask && ((step) => mask.data[step]);
  const wrong = targets && outputs && mask && ((step, row) => {
    const at = step * outputs.shape[1] + row;
    return mask.data[step] && (outputs.data[at] > 0.5) !== (targets.data[at] > 0.5);
  });
  add(inputs, "Input", "what the network is given", recording.input_labels);
  add(outputs, "Output", wrong ? wrongHelp(countWrong(outputs, wrong)) : "what the network answers",
    recording.output_labels, { marks: wrong, counts });
  add(targets, "Target", "the right answer", recording.output_labels);
  return strips;
}

function wrongHelp(count) {
  if (count === 0) return "no bit is wrong";
  return count === 1 ? "✕ marks the wrong bit" : `✕ marks the ${count} wrong bits`;
}

/** Weightings of every head, usage and allocation: a row for each slot. */
function slotStrips(player) {
  const { arrays, slots } = player.recording;
  const strips = [];
  const note = (step, slot) => {
    const name = player.holds(step, slot);
    return name && `holds: ${name}`;
  };
  const add = (array, title, help, ramp) => {
    if (!array) return;
    const { shape, data } = array, heads = shape.length > 2 ? shape[1] : 1;
    for (let head = 0; head < heads; head++) {
      const value = (step, slot) => data[(step * heads + head) * slots + slot];
      strips.push(new Strip(player, { title: headTitle(title, head, heads), help: head ? "" : help, ramp, value, note,
        rows: () => player.shown, name: (slot) => `slot ${slot}`, maxHeight: heads > 2 ? 80 : 130,
        readout: (step) => largest(value, step, slots) }));
    }
  };
  add(arrays.write_weights, "Writing", "which slots are written", "write");
  add(arrays.read_weights, "Reading", "which slots are read", "read");
  add(arrays.usage, "Usage", "which slots are in use", "plain");
  add(arrays.allocation_weights, "Allocation", "which free slot is next", "write");
  return strips;
}

/** A DNC's read modes, a strip for each head. */
function modeStrips(player) {
  const { modes } = player.recording.arrays;
  if (!modes) return [];
  const { shape: [, heads], data } = modes;
  return range(heads).map((head) => new Shares(player, { title: headTitle("Read mode", head, heads), small: true,
    parts: MODES, value: (step, part) => data[(step * heads + head) * MODES.length + part] }));
}

function gateStrips(player) {
  const { gates, arrays } = player.recording;
  return gates.map((label, gate) => {
    const value = (step) => arrays.gates.data[step * gates.length + gate];
    const [title, help = ""] = label.split(": ");
    return new Shares(player, { title: capitalize(title), help, small: true, parts: [""], value, height: 20,
      readout: (step) => format(value(step)) });
  });
}

function headTitle(title, head, heads) {
  return heads > 1 ? `${title}, head ${head + 1}` : title;
}

/** The slot with the largest value in a step, and the value. */
function largest(value, step, slots) {
  let best = 0;
  for (let slot = 1; slot < slots; slot++) if (value(step, slot) > value(step, best)) best = slot;
  return `slot ${best}: ${format(value(step, best))}`;
}

/** The range of the colours for these numbers: symmetric if any is negative, else from 0, to 1 at least. */
function limits(data) {
  let low = 0, high = 0;
  for (const value of data) {
    if (value < low) low = value;
    if (value > high) high = value;
  }
  const limit = Math.max(-low, high, 1e-9);
  return low < 0 ? [-limit, limit] : [0, Math.max(1, high)];
}

function countWrong({ shape: [steps, rows] }, wrong) {
  let total = 0;
  for (let step = 0; step < steps; step++) for (let row = 0; row < rows; row++) if (wrong(step, row)) total += 1;
  return total;
}
