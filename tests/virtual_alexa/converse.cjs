// Holds conversations with a skill over HTTP, with virtual-alexa as the device:
//   node converse.cjs <url> <skill id> <model.json> <locale>  with lists of utterances on stdin, as JSON
// It prints the answers: intent, speech and whether the session is open. "open" stands for a launch.
const { readFileSync } = require("node:fs");
const { VirtualAlexa } = require("virtual-alexa");
const { Utterance } = require("virtual-core");

// virtual-alexa has no words for most of Alexa's built-in intents.
const BUILT_IN = {
  yes: "AMAZON.YesIntent",
  no: "AMAZON.NoIntent",
  stop: "AMAZON.StopIntent",
  cancel: "AMAZON.CancelIntent",
  repeat: "AMAZON.RepeatIntent",
  help: "AMAZON.HelpIntent",
};

const [url, skillId, modelPath, locale] = process.argv.slice(2);
const { languageModel } = JSON.parse(readFileSync(modelPath, "utf8")).interactionModel;

async function say(alexa, words) {
  if (words === "open") return { intent: "LaunchRequest", response: await alexa.launch() };
  const utterance = new Utterance(alexa.context().interactionModel(), words);
  const intent = BUILT_IN[words] ?? utterance.intent() ?? "AMAZON.FallbackIntent";
  // Not utter(): it resolves any words with "ask" or "launch" to a launch.
  const request = alexa.request().intent(intent);
  if (!intent.startsWith("AMAZON.")) request.slots(utterance.toJSON());
  return { intent, response: await request.send() };
}

async function converse(utterances) {
  const alexa = VirtualAlexa.Builder()
    .interactionModel({ interactionModel: { languageModel } })
    .skillURL(url)
    .applicationID(skillId)
    .locale(locale)
    .create();
  const turns = [];
  for (const words of utterances) {
    const { intent, response } = await say(alexa, words);
    const { outputSpeech, shouldEndSession } = response.response;
    turns.push({ words, intent, heard: outputSpeech.ssml.replace(/<[^>]*>/g, ""), open: !shouldEndSession });
  }
  return turns;
}

(async () => {
  const answers = [];
  for (const utterances of JSON.parse(readFileSync(0, "utf8"))) answers.push(await converse(utterances));
  console.log(JSON.stringify(answers));
})();
