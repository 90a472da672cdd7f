// Evaluates expressions with Microsoft's adaptive-expressions: a JSON array of strings on stdin, of answers on stdout.
const { Expression } = require('adaptive-expressions');

const plain = (value) => {
  if (value === undefined) return null;
  if (typeof value === 'bigint') return Number(value);
  if (value instanceof Uint8Array) return { bytes: Array.from(value) };
  return value;
};

const answer = (text) => {
  try {
    const { value, error } = Expression.parse(text).tryEvaluate({});
    return error ? { error: String(error) } : { value: plain(value) };
  } catch (thrown) {
    return { error: String(thrown.message || thrown) };
  }
};

let input = '';
process.stdin.on('data', (part) => (input += part));
process.stdin.on('end', () => process.stdout.write(JSON.stringify(JSON.parse(input).map(answer))));
