// Resolves, with virtual-alexa, samples of a model and every value of each slot; prints the misresolved ones as JSON:
//   node resolve.cjs <model.json>
const { readFileSync } = require("node:fs");
const { InteractionModel } = require("virtual-alexa/lib/src/model/InteractionModel");
const { Utterance } = require("virtual-core");

// virtual-core compiles a sample's pattern again for each phrase, which takes most of the time.
const { SamplePhrase } = require("virtual-core/lib/src/SampleUtterances");
const compile = SamplePhrase.prototype.regex;
SamplePhrase.prototype.regex = function () {
  return (this.compiled ??= compile.call(this));
};

const BUILT_IN_VALUES = {
  "AMAZON.NUMBER": ["2", "20"],
  "AMAZON.FOUR_DIGIT_NUMBER": ["4711"],
  "AMAZON.SearchQuery": ["the labels were wrong"],
};

const { languageModel } = JSON.parse(readFileSync(process.argv[2], "utf8")).interactionModel;
const model = InteractionModel.fromJSON({ interactionModel: { languageModel } });
const values = new Map(Object.entries(BUILT_IN_VALUES));
for (const { name, values: entries } of languageModel.types) {
  values.set(name, entries.flatMap(({ name: { value, synonyms = [] } }) => [value, ...synonyms]));
}

// It compares a phrase with every sample, so all samples would take minutes.
const STEP = 12;

function* speak(samples, slots) {
  const first = (text) => text.replace(/\{(\w+)\}/g, (_, slot) => values.get(slots[slot])[0]);
  // virtual-core finds no end of a slot before another slot.
  const separated = samples.filter((sample) => !/\}\s*\{/.test(sample));
  yield* separated.filter((_, index) => index % STEP === 0).map(first);
  for (const [slot, type] of Object.entries(slots)) {
    const sample = separated.findLast((one) => one.includes(`{${slot}}`));
    for (const value of values.get(type)) yield first(sample.replace(`{${slot}}`, value));
  }
}

let count = 0;
const misresolved = [];
for (const { name, slots = [], samples } of languageModel.intents) {
  const types = Object.fromEntries(slots.map((slot) => [slot.name, slot.type]));
  for (const phrase of speak(samples, types)) {
    count += 1;
    const intent = new Utterance(model, phrase).intent();
    if (intent !== name) misresolved.push({ phrase, meant: name, resolved: intent ?? null });
  }
}
console.log(JSON.stringify({ count, misresolved }));
