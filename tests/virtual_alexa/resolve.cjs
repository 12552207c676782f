// Resolves, with virtual-alexa, every sample of a model with every value of each of its slots; prints the misresolved
// ones as JSON:  node resolve.cjs <model.json>
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

function* speak(sample, slots) {
  const first = (text) => text.replace(/\{(\w+)\}/g, (_, slot) => values.get(slots[slot])[0]);
  const said = [...sample.matchAll(/\{(\w+)\}/g)].map(([, slot]) => slot);
  if (said.length === 0) yield sample;
  for (const slot of said) {
    for (const value of values.get(slots[slot])) yield first(sample.replace(`{${slot}}`, value));
  }
}

let count = 0;
const misresolved = [];
for (const { name, slots = [], samples } of languageModel.intents) {
  const types = Object.fromEntries(slots.map((slot) => [slot.name, slot.type]));
  for (const sample of samples) {
    for (const phrase of speak(sample, types)) {
      count += 1;
      const intent = new Utterance(model, phrase).intent();
      if (intent !== name) misresolved.push({ phrase, meant: name, resolved: intent ?? null });
    }
  }
}
console.log(JSON.stringify({ count, misresolved }));
