// A chat as `useChat` keeps it, without React: sends one message and prints what the page would have.
import { AbstractChat, DefaultChatTransport } from 'ai';

class State {
  status = 'ready';
  error = undefined;
  messages = [];
  pushMessage = message => { this.messages = [...this.messages, message]; };
  popMessage = () => { this.messages = this.messages.slice(0, -1); };
  replaceMessage = (index, message) => { this.messages = this.messages.with(index, message); };
  snapshot = thing => structuredClone(thing);
}

class Chat extends AbstractChat {
  constructor(init) { super({ ...init, state: new State() }); }
}

const transient = [];
const chat = new Chat({
  transport: new DefaultChatTransport({ api: process.argv[2] }),
  onData: part => { if (part.transient) transient.push(part.data); },
});
await chat.sendMessage({ text: 'Hello.' });
const [, answer] = chat.messages;
console.log(JSON.stringify({
  status: chat.status, error: chat.error?.message ?? null, parts: answer?.parts ?? null, transient,
}));
