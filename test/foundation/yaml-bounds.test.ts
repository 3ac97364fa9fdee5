import { expect, it } from 'vitest';
import { checkYamlBounds } from '../../src/foundation/yaml-bounds.ts';

it.each(['', 'a: 1\n', '- '.repeat(20), `${'['.repeat(20)}${']'.repeat(20)}`, `a: ${'x'.repeat(60_000)}`])(
  '%#: a file within the limits is accepted',
  (text) => {
    expect(() => {
      checkYamlBounds(text);
    }).not.toThrow();
  },
);

it.each(['[', '{a: ', '- ', '? ', '{? ', '- [', '&a [', '!!x ['])(
  'rejects too deep nesting: %s and so on',
  (opening) => {
    expect(() => {
      checkYamlBounds(opening.repeat(3_000));
    }).toThrow(new RangeError('its collections are nested too deeply'));
  },
);

it('rejects long text', () => {
  expect(() => {
    checkYamlBounds('# x\n'.repeat(20_000));
  }).toThrow(new RangeError('it is longer than 65536 characters'));
});
