import { describe, expect, it } from 'vitest';
// The server's engine is held to the same published forms: the two must agree.
import choices from '../../../../../hooks/forms/testdata/answer-option-coding.json';
import enableWhen from '../../../../../hooks/forms/testdata/enable-when.json';
import hidden from '../../../../../hooks/forms/testdata/hidden-item.json';
import nested from '../../../../../hooks/forms/testdata/nested-enable-when.json';
import phq9 from '../../../../../hooks/forms/builtin/phq-9.json';
import { withAnswer } from './edit';
import { compareAnswers, conditionHolds, evaluateEnableWhen } from './enable';
import {
  findOption, initialResponses, isMoodMeasure, isQuestion, isSelfHarmAnswer, itemControl, itemWords, optionsOf, optionWords,
  readQuestionnaire, repeats, unitsOf,
} from './form';
import type { Form } from './form';
import { listScreens, readingOrder, resumeAt, screenOf } from './screens';
import type { Answer, Item, Questionnaire, Responses } from './types';
import { checkForm, checkQuestion, isRealDate, savableResponses, sendableResponses } from './validate';

const read = (json: unknown): Form => readQuestionnaire(json as Questionnaire);
const formOf = (...item: Item[]): Form => read({ resourceType: 'Questionnaire', item });
const nodeOf = (form: Form, linkId: string) => {
  const node = form.byLinkId.get(linkId);
  if (!node) throw new Error(`no item ${linkId}`);
  return node;
};
const enabledIds = (form: Form, responses: Responses): string[] => {
  const { isEnabled } = evaluateEnableWhen(form, responses);
  return [...form.byLinkId.values()].filter((n) => isEnabled(n)).map((n) => n.item.linkId);
};
const screenIds = (form: Form, responses: Responses = {}): string[] => listScreens(form, responses).map((s) => s.id);
const codes = (form: Form, responses: Responses) => checkForm(form, responses).map((p) => `${p.linkId}:${p.code}`);

describe('PHQ-9 as published', () => {
  const form = read(phq9);
  const ids = screenIds(form);
  const answer = (linkId: string, code: string): Answer => {
    const option = optionsOf(form, nodeOf(form, linkId).item).find((o) => typeof o.answer === 'object' && o.answer.code === code);
    if (!option) throw new Error(`no option ${code}`);
    return option.answer;
  };

  it('asks its nine items and the difficulty question, in order, and leaves the score to the server', () => {
    expect(ids).toEqual(['/44250-9', '/44255-8', '/44259-0', '/44254-1', '/44251-7', '/44258-2', '/44252-5', '/44253-3', '/44260-8', '/69722-7']);
    expect(isQuestion(nodeOf(form, '/44261-6'))).toBe(false);
  });

  it('keeps wording, order and score of every choice', () => {
    const options = optionsOf(form, nodeOf(form, '/44250-9').item);
    expect(options.map((o) => optionWords(form, o, 'es').text)).toEqual(['Not at all', 'Several days', 'More than half the days', 'Nearly every day']);
    expect(options.map((o) => o.score)).toEqual([0, 1, 2, 3]);
    expect(options[1]?.answer).toEqual({ system: 'http://loinc.org', code: 'LA6569-3', display: 'Several days' });
  });

  it('names the eight required items when nothing is answered', () => {
    expect(codes(form, {})).toEqual(ids.slice(0, 8).map((id) => `${id}:required`));
  });

  it('accepts a full set and refuses a choice that is not offered', () => {
    const full = Object.fromEntries(ids.slice(0, 9).map((id) => [id, answer(id, 'LA6568-5')])) as Responses;
    expect(codes(form, full)).toEqual([]);
    expect(codes(form, { ...full, '/44250-9': { system: 'http://loinc.org', code: 'LA6572-7' } })).toEqual(['/44250-9:option']);
    expect(codes(form, { ...full, '/44250-9': { system: 'http://example.org', code: 'LA6568-5' } })).toEqual(['/44250-9:option']);
    expect(codes(form, { ...full, '/44250-9': 1 })).toEqual(['/44250-9:option']);
  });

  it('shows the crisis screen for item 9 above zero only', () => {
    const item9 = nodeOf(form, '/44260-8').item;
    expect(isSelfHarmAnswer(form, item9, undefined)).toBe(false);
    expect(isSelfHarmAnswer(form, item9, answer('/44260-8', 'LA6568-5'))).toBe(false);
    for (const code of ['LA6569-3', 'LA6570-1', 'LA6571-9']) {
      expect(isSelfHarmAnswer(form, item9, answer('/44260-8', code))).toBe(true);
    }
    expect(isSelfHarmAnswer(form, nodeOf(form, '/44258-2').item, answer('/44258-2', 'LA6571-9'))).toBe(false);
    expect(isMoodMeasure(form)).toBe(true);
    expect(isMoodMeasure(read(choices))).toBe(false);
  });

  it('never sends the calculated score', () => {
    expect(sendableResponses(form, { '/44261-6': 27, '/44250-9': answer('/44250-9', 'LA6568-5') }))
      .toEqual({ '/44250-9': { system: 'http://loinc.org', code: 'LA6568-5', display: 'Not at all' } });
  });

  it('resumes at the first unanswered item', () => {
    expect(resumeAt(form, {})).toBe(0);
    expect(resumeAt(form, { '/44250-9': answer('/44250-9', 'LA6569-3'), '/44255-8': answer('/44255-8', 'LA6569-3') })).toBe(2);
  });
});

describe('enableWhen over every type, as published', () => {
  const form = read(enableWhen);
  const A = { system: 'test-coding', code: 'A' };
  const B = { system: 'test-coding', code: 'B' };
  const C = { system: 'test-coding', code: 'C' };

  it.each<[string, Responses, string[], string[]]>([
    ['no answer', {}, ['Q1-not-exists', 'Q1-not-true', 'Q7-notequals'], ['Q1-exists', 'Q1-true', 'Q1-false']],
    ['boolean true', { Q1: true }, ['Q1-exists', 'Q1-true'], ['Q1-not-exists', 'Q1-false', 'Q1-not-true']],
    ['boolean false is an answer', { Q1: false }, ['Q1-exists', 'Q1-false', 'Q1-not-true'], ['Q1-not-exists', 'Q1-true']],
    ['decimal equal', { Q2: 5.6 }, ['Q2-exists', 'Q2-equal', 'Q2-ge'], ['Q2-not-exists']],
    ['decimal at the edge', { Q2: 4.8 }, ['Q2-ge'], ['Q2-equal']],
    ['decimal below', { Q2: 4.79 }, [], ['Q2-ge', 'Q2-equal']],
    ['zero is an answer', { Q3: 0 }, ['Q3-exists'], ['Q3-not-exists', 'Q3-ge']],
    ['integer', { Q3: 5 }, ['Q3-equal', 'Q3-ge'], []],
    ['date equal', { Q4: '2020-05-01' }, ['Q4-equal', 'Q4-ge'], []],
    ['date before', { Q4: '2020-04-30' }, [], ['Q4-equal', 'Q4-ge']],
    ['dateTime', { Q5: '2020-05-01T10:00:00Z' }, ['Q5-exists'], ['Q5-not-exists']],
    ['time', { Q6: '10:00:00' }, ['Q6-exists'], ['Q6-not-exists']],
    ['string', { Q7: 'test' }, ['Q7-equals', 'Q7-gt', 'Q7-ge', 'Q7-ge2', 'Q7-le2'], ['Q7-notequals', 'Q7-lt', 'Q7-le']],
    ['blank string is no answer', { Q7: '  ' }, ['Q7-not-exists'], ['Q7-exists']],
    ['several choices', { Q8: [A, B] }, ['Q8-exists', 'Q8-eq-B'], ['Q8-eq-B-and-C', 'Q8-not-exists']],
    ['both choices', { Q8: [B, C] }, ['Q8-eq-B', 'Q8-eq-B-and-C'], []],
    ['no choice left', { Q8: [] }, ['Q8-not-exists'], ['Q8-exists', 'Q8-eq-B']],
    ['one choice', { Q9: B }, ['Q9-eq-B'], ['Q9-noteq-B']],
    ['another choice', { Q9: C }, ['Q9-noteq-B'], ['Q9-eq-B']],
    ['same code of another system', { Q9: { system: 'other', code: 'B' } }, ['Q9-noteq-B'], ['Q9-eq-B']],
    ['string choice', { Q9a: 'B' }, ['Q9a-eq-B'], ['Q9a-noteq-B']],
    ['integer choice', { Q9b: 34 }, ['Q9b-eq-B'], ['Q9b-noteq-B']],
    ['partial date choice', { Q9c: '2022-09' }, ['Q9c-eq-B'], ['Q9c-noteq-B']],
    ['time choice without seconds', { Q9d: '13:30' }, ['Q9d-eq-B'], ['Q9d-noteq-B']],
  ])('%s', (_, responses, on, off) => {
    const ids = enabledIds(form, responses);
    expect(ids).toEqual(expect.arrayContaining(on));
    for (const id of off) expect(ids).not.toContain(id);
  });

  it('reads the string "true" as repeats and asks what only FHIRPath could hide', () => {
    expect(repeats(nodeOf(form, 'Q8').item)).toBe(true);
    expect(enabledIds(form, {})).toContain('Q10-ewe');
  });

  it('sends only what is enabled', () => {
    expect(sendableResponses(form, { Q1: true, 'Q1-true': ' yes ', 'Q1-false': 'left over' })).toEqual({ Q1: true, 'Q1-true': 'yes' });
  });
});

describe('operators', () => {
  const when = (operator: string, answer: object) => ({ question: 'q', operator, ...answer }) as Parameters<typeof conditionHolds>[0];

  it.each<[string, object, Answer[], boolean]>([
    ['>', { answerInteger: 3 }, [4], true],
    ['>', { answerInteger: 3 }, [3], false],
    ['<', { answerDecimal: 0.5 }, [0.49], true],
    ['<=', { answerTime: '10:30:00' }, ['10:30'], true],
    ['>', { answerDateTime: '2026-01-01T00:00:00Z' }, ['2026-01-01T00:00:00-07:00'], true],
    ['=', { answerDateTime: '2026-01-01T07:00:00Z' }, ['2026-01-01T00:00:00-07:00'], true],
    ['>=', { answerQuantity: { value: 60, unit: 'kg' } }, [{ value: 60, unit: 'kg' }], true],
    ['>=', { answerQuantity: { value: 60, unit: 'kg' } }, [{ value: 140, unit: 'lb' }], false],
    ['>', { answerInteger: 3 }, [], false],
    ['>', { answerCoding: { code: 'A' } }, [{ code: 'B' }], false],
    ['!=', { answerCoding: { code: 'A' } }, [{ code: 'B' }, { code: 'A' }], false],
    ['exists', { answerBoolean: false }, [], true],
    ['=', {}, [true], false],
  ])('%s %j over %j is %s', (operator, answer, answers, holds) => {
    expect(conditionHolds(when(operator, answer), answers)).toBe(holds);
  });

  it('does not put unlike values in order', () => {
    expect(compareAnswers(3, '3')).toBeUndefined();
    expect(compareAnswers(true, false)).toBeUndefined();
    expect(compareAnswers('2022-09', '2022-09-20')).toBeUndefined();
    expect(compareAnswers('2022-08', '2022-09-20')).toBeLessThan(0);
  });
});

describe('nested conditions', () => {
  const form = read(nested);

  it('disables everything inside a disabled group', () => {
    expect(enabledIds(form, {})).toEqual(['p1']);
    expect(enabledIds(form, { p1: { code: 'NO' }, c1: { code: 'B' } })).toEqual(['p1']);
  });

  it('opens the group and follows the conditions within', () => {
    expect(enabledIds(form, { p1: { code: 'YES' } })).toEqual(['p1', 'g1', 'c1', 'd1', 'g2', 'cc1', 'dd1']);
    expect(enabledIds(form, { p1: { code: 'YES' }, c1: { code: 'A' }, cc1: { code: 'A' } })).toEqual(['p1', 'g1', 'c1', 'g2', 'cc1']);
  });

  it('counts the answer of a disabled question as none', () => {
    const chain = formOf(
      { linkId: 'a', type: 'boolean' },
      { linkId: 'b', type: 'boolean', enableWhen: [{ question: 'a', operator: '=', answerBoolean: true }] },
      { linkId: 'c', type: 'string', enableWhen: [{ question: 'b', operator: 'exists', answerBoolean: true }] },
    );
    expect(enabledIds(chain, { a: false, b: true })).toEqual(['a']);
    expect(enabledIds(chain, { a: true, b: true })).toEqual(['a', 'b', 'c']);
  });

  it('ends when conditions run in a circle', () => {
    const circle = formOf(
      { linkId: 'a', type: 'boolean', enableWhen: [{ question: 'b', operator: 'exists', answerBoolean: true }] },
      { linkId: 'b', type: 'boolean', enableWhen: [{ question: 'a', operator: 'exists', answerBoolean: true }] },
    );
    expect(enabledIds(circle, { a: true, b: true })).toEqual([]);
  });

  it('is not slowed by long chains that fork at every step', () => {
    const items: Item[] = [{ linkId: 'q0', type: 'boolean' }, { linkId: 'q1', type: 'boolean' }];
    for (let i = 2; i < 200; i++) {
      items.push({
        linkId: `q${i}`, type: 'boolean', enableBehavior: 'all',
        enableWhen: [{ question: `q${i - 1}`, operator: 'exists', answerBoolean: true }, { question: `q${i - 2}`, operator: 'exists', answerBoolean: true }],
      });
    }
    const all = Object.fromEntries(items.map((i) => [i.linkId, true]));
    expect(enabledIds(formOf(...items), all)).toHaveLength(200);
  });
});

describe('hidden and calculated items', () => {
  const form = read(hidden);

  it('asks the one visible question', () => {
    expect(screenIds(form)).toEqual(['ITEM-VISIBLE']);
    expect(codes(form, {})).toEqual(['ITEM-VISIBLE:required']);
  });

  it('sends nothing that was never asked', () => {
    expect(sendableResponses(form, { 'CE-HIDDEN': 1, 'CE-VISIBLE': 1, 'ITEM-VISIBLE': 4.5, 'GROUP-HIDDEN/CE-HIDDEN': 1 })).toEqual({ 'ITEM-VISIBLE': 4.5 });
  });

  it('asks nothing inside a read-only group', () => {
    expect(screenIds(formOf({ linkId: 'g', type: 'group', readOnly: true, item: [{ linkId: 'q', type: 'string' }] }))).toEqual([]);
  });

  it('lets a hidden or read-only initial value steer others', () => {
    const steered = formOf(
      { linkId: 'adult', type: 'boolean', readOnly: true, initial: [{ valueBoolean: true }] },
      { linkId: 'smokes', type: 'boolean', enableWhen: [{ question: 'adult', operator: '=', answerBoolean: true }] },
    );
    expect(screenIds(steered)).toEqual(['smokes']);
    expect(sendableResponses(steered, { adult: false, smokes: true })).toEqual({ smokes: true });
  });
});

describe('choices as published', () => {
  const form = read(choices);

  it('reads controls, prefixes and scores', () => {
    const item = nodeOf(form, 'valueCoding.choice-group3-item1').item;
    expect(itemControl(item)).toBe('drop-down');
    expect(optionsOf(form, item).map((o) => [o.prefix, o.score])).toEqual([['A', 1], ['B', 2], ['C', 3]]);
  });

  it('begins with the choices that are marked so', () => {
    const initial = initialResponses(form);
    const first = nodeOf(form, 'valueCoding.choice-group5-item1').item;
    const marked = (first.answerOption ?? []).filter((o) => o.initialSelected).map((o) => o.valueCoding?.code);
    const given = (first.initial ?? []).map((i) => i.valueCoding?.code);
    const wanted = [...given, ...marked][0];
    expect(wanted).toBeDefined();
    expect(initial[first.linkId]).toMatchObject({ code: wanted });
    expect(Array.isArray(initial['valueCoding.choice-group6-item2'])).toBe(true);
    expect(initial['valueCoding.choice-group1-item1']).toBeUndefined();
  });

  it('reads a contained value set, expanded or composed', () => {
    const questionnaire = (set: object): Form => read({
      resourceType: 'Questionnaire', contained: [{ resourceType: 'ValueSet', id: 'yn', ...set }],
      item: [{ linkId: 'q', type: 'choice', answerValueSet: '#yn' }],
    });
    const composed = questionnaire({ compose: { include: [{ system: 's', concept: [{ code: 'y', display: 'Yes' }, { code: 'n', display: 'No' }] }] } });
    const expanded = questionnaire({ expansion: { contains: [{ system: 's', code: 'y', display: 'Yes' }, { abstract: true, code: 'group' }] } });
    expect(optionsOf(composed, nodeOf(composed, 'q').item).map((o) => o.answer)).toEqual([{ system: 's', code: 'y', display: 'Yes' }, { system: 's', code: 'n', display: 'No' }]);
    expect(optionsOf(expanded, nodeOf(expanded, 'q').item).map((o) => o.answer)).toEqual([{ system: 's', code: 'y', display: 'Yes' }]);
  });

  it('takes a person’s own words only where the question is open', () => {
    const form2 = formOf(
      { linkId: 'closed', type: 'choice', answerOption: [{ valueCoding: { code: 'a' } }] },
      { linkId: 'open', type: 'open-choice', answerOption: [{ valueCoding: { code: 'a' } }] },
    );
    expect(codes(form2, { closed: 'my own', open: 'my own' })).toEqual(['closed:option']);
    expect(findOption(optionsOf(form2, nodeOf(form2, 'open').item), 'my own')).toBeUndefined();
  });
});

describe('words', () => {
  const translation = (lang: string, content: string) => ({ url: 'http://hl7.org/fhir/StructureDefinition/translation', extension: [{ url: 'lang', valueCode: lang }, { url: 'content', valueString: content }] });

  it('uses a translation that the questionnaire carries, and says which language it fell back to', () => {
    const form = read({
      resourceType: 'Questionnaire', language: 'en',
      item: [{ linkId: 'q', prefix: '1.', text: 'Sleep', _text: { extension: [translation('es-MX', 'Sueño')] }, type: 'choice', answerOption: [{ valueCoding: { code: 'g', display: 'Good', _display: { extension: [translation('es', 'Bueno')] } } }] }],
    });
    const { item } = nodeOf(form, 'q');
    expect(itemWords(form, item, 'es')).toEqual({ text: '1. Sueño', lang: 'es-MX' });
    expect(itemWords(form, item, 'fr')).toEqual({ text: '1. Sleep', lang: 'en' });
    const [option] = optionsOf(form, item);
    expect(option && optionWords(form, option, 'es').text).toBe('Bueno');
    expect(option?.answer).toEqual({ code: 'g', display: 'Good' });
  });
});

describe('answers', () => {
  const ext = (name: string, value: object) => ({ url: `http://hl7.org/fhir/StructureDefinition/${name}`, ...value });
  const check = (item: Partial<Item>, value: Responses[string]) => {
    const form = formOf({ linkId: 'q', type: 'string', ...item } as Item);
    return checkQuestion(form, nodeOf(form, 'q'), value)?.code;
  };

  it.each<[string, Partial<Item>, Responses[string], string | undefined]>([
    ['an integer with a fraction', { type: 'integer' }, 1.5, 'type'],
    ['an integer beyond 32 bits', { type: 'integer' }, 3_000_000_000, 'type'],
    ['a number in words', { type: 'decimal' }, 'ten', 'type'],
    ['a day that does not exist', { type: 'date' }, '2026-02-30', 'type'],
    ['a leap day', { type: 'date' }, '2028-02-29', undefined],
    ['a dateTime without a zone', { type: 'dateTime' }, '2026-02-03T10:00:00', 'type'],
    ['a dateTime with one', { type: 'dateTime' }, '2026-02-03T10:00:00-07:00', undefined],
    ['a time past midnight', { type: 'time' }, '24:10', 'type'],
    ['a script for a web address', { type: 'url' }, 'javascript:alert(1)', 'type'],
    ['two lines in a one-line answer', { type: 'string' }, 'a\nb', 'type'],
    ['below the least', { type: 'integer', extension: [ext('minValue', { valueInteger: 1 })] }, 0, 'range'],
    ['above the most', { type: 'decimal', extension: [ext('maxValue', { valueDecimal: 10 })] }, 10.01, 'range'],
    ['a date before the first', { type: 'date', extension: [ext('minValue', { valueDate: '2026-01-01' })] }, '2025-12-31', 'range'],
    ['a quantity above the most', { type: 'quantity', extension: [ext('maxValue', { valueDecimal: 300 })] }, { value: 301, unit: 'kg' }, 'range'],
    ['too many decimals', { type: 'decimal', extension: [ext('maxDecimalPlaces', { valueInteger: 1 })] }, 1.25, 'type'],
    ['too long, counted in characters', { maxLength: 3 }, 'añoñ', 'max_length'],
    ['long enough in bytes only', { maxLength: 3 }, '😀😀😀', undefined],
    ['not of the pattern', { extension: [ext('regex', { valueString: '[0-9]{5}' })] }, '8030', 'pattern'],
    ['required and blank', { required: true }, '   ', 'required'],
    ['required and false', { type: 'boolean', required: true }, false, undefined],
    ['too few of several', { type: 'choice', repeats: true, answerOption: [{ valueString: 'a' }, { valueString: 'b' }], extension: [ext('questionnaire-minOccurs', { valueInteger: 2 })] }, ['a'], 'min_occurs'],
    ['optional and empty', { maxLength: 1 }, '', undefined],
  ])('%s', (_, item, value, code) => {
    expect(check(item, value)).toBe(code);
  });

  it('lets "none of these" stand alone only', () => {
    const none = { valueString: 'none', extension: [ext('questionnaire-optionExclusive', { valueBoolean: true })] };
    const item: Partial<Item> = { type: 'choice', repeats: true, answerOption: [{ valueString: 'a' }, none] };
    expect(check(item, ['a', 'none'])).toBe('exclusive');
    expect(check(item, ['none'])).toBeUndefined();
  });

  it('never requires what only an expression could hide', () => {
    const url = 'http://hl7.org/fhir/uv/sdc/StructureDefinition/sdc-questionnaire-enableWhenExpression';
    expect(check({ required: true, extension: [{ url, valueExpression: {} }] }, '')).toBeUndefined();
  });

  it('knows real dates, and years and months alone', () => {
    expect(['2026', '2026-09', '2026-09-30'].every(isRealDate)).toBe(true);
    expect(['2026-13', '2026-09-31', '26-01-01', 'today'].some(isRealDate)).toBe(false);
  });

  it('reads units', () => {
    const form = formOf({ linkId: 'w', type: 'quantity', extension: [ext('questionnaire-unitOption', { valueCoding: { code: 'kg', display: 'kg' } }), ext('questionnaire-unitOption', { valueCoding: { code: '[lb_av]', display: 'lb' } })] });
    expect(unitsOf(nodeOf(form, 'w').item)).toEqual(['kg', 'lb']);
  });
});

describe('repeating groups', () => {
  const form = formOf(
    { linkId: 'any', type: 'boolean', text: 'Do you take any medicine?' },
    {
      linkId: 'meds', type: 'group', repeats: true, required: true, text: 'Medicines',
      enableWhen: [{ question: 'any', operator: '=', answerBoolean: true }],
      item: [
        { linkId: 'name', type: 'string', required: true },
        { linkId: 'stopped', type: 'boolean' },
        { linkId: 'why', type: 'string', required: true, enableWhen: [{ question: 'stopped', operator: '=', answerBoolean: true }] },
      ],
    },
    { linkId: 'last', type: 'string', enableWhen: [{ question: 'stopped', operator: '=', answerBoolean: true }] },
  );

  it('is one screen, asked only when enabled', () => {
    expect(screenIds(form)).toEqual(['any']);
    expect(screenIds(form, { any: true })).toEqual(['any', 'meds']);
  });

  it('reads conditions within the same row', () => {
    expect(codes(form, { any: true, meds: [{ name: 'A', stopped: true }, { name: 'B', stopped: false }] })).toEqual(['why:required']);
    expect(checkForm(form, { any: true, meds: [{ name: 'A' }, { stopped: true }] }).map((p) => [p.linkId, p.rows])).toEqual([
      ['name', [{ linkId: 'meds', index: 1 }]], ['why', [{ linkId: 'meds', index: 1 }]],
    ]);
  });

  it('reads the last row from outside, and needs one when required', () => {
    expect(enabledIds(form, { any: true, meds: [{ stopped: true }, { stopped: false }] })).not.toContain('last');
    expect(enabledIds(form, { any: true, meds: [{ stopped: false }, { stopped: true }] })).toContain('last');
    expect(codes(form, { any: true })).toEqual(['meds:required']);
  });

  it('drops empty rows and disabled answers before sending', () => {
    expect(sendableResponses(form, { any: true, meds: [{ name: 'A', stopped: false, why: 'x' }, {}, { name: ' ' }] }))
      .toEqual({ any: true, meds: [{ name: 'A', stopped: false }] });
    expect(sendableResponses(form, { any: false, meds: [{ name: 'A' }] })).toEqual({ any: false });
  });

  it('leads from an inner question to its screen', () => {
    const responses = { any: true, meds: [{ name: 'A' }] };
    expect(screenOf(form, listScreens(form, responses), 'why')).toBe(1);
    expect(screenOf(form, listScreens(form, responses), 'nowhere')).toBe(-1);
  });
});

describe('groups and follow-ups', () => {
  it('wants one answer of a required group', () => {
    const form = formOf({ linkId: 'g', type: 'group', required: true, item: [{ linkId: 'a', type: 'string' }, { linkId: 'b', type: 'string' }] });
    expect(codes(form, {})).toEqual(['g:required']);
    expect(codes(form, { b: 'x' })).toEqual([]);
    expect(screenOf(form, listScreens(form, {}), 'g')).toBe(0);
  });

  it('does not require the follow-up to a question that was left blank', () => {
    const form = formOf({ linkId: 'a', type: 'string', item: [{ linkId: 'b', type: 'string', required: true }] });
    expect(codes(form, {})).toEqual([]);
    expect(codes(form, { a: 'x' })).toEqual(['b:required']);
  });
});

describe('drafts', () => {
  const form = formOf(
    { linkId: 'age', type: 'integer' },
    { linkId: 'name', type: 'string' },
    { linkId: 'doses', type: 'decimal', repeats: true },
    { linkId: 'rows', type: 'group', repeats: true, item: [{ linkId: 'n', type: 'integer' }, { linkId: 's', type: 'string' }] },
  );

  it('keep what is sound and leave half-typed answers on the page', () => {
    expect(savableResponses(form, { age: '4x', name: 'Maya', doses: [1.5, 'two', 3], rows: [{ n: '1x', s: 'a' }, { n: '2x' }] }))
      .toEqual({ name: 'Maya', doses: [1.5, 3], rows: [{ s: 'a' }] });
  });

  it('change one answer and nothing else', () => {
    const before: Responses = { name: 'Maya', rows: [{ s: 'a' }, { s: 'b' }] };
    const after = withAnswer(before, [{ linkId: 'rows', index: 1 }], 's', 'c');
    expect(after).toEqual({ name: 'Maya', rows: [{ s: 'a' }, { s: 'c' }] });
    expect(before).toEqual({ name: 'Maya', rows: [{ s: 'a' }, { s: 'b' }] });
    expect(withAnswer(after, [], 'name', undefined)).toEqual({ rows: [{ s: 'a' }, { s: 'c' }] });
    expect(withAnswer({}, [{ linkId: 'rows', index: 0 }], 's', 'x')).toEqual({ rows: [{ s: 'x' }] });
  });
});

describe('screens', () => {
  it('puts group titles and texts above the next question, and closing words after the last', () => {
    const form = formOf({
      linkId: 'g', type: 'group', text: 'Over the last 2 weeks', item: [
        { linkId: 'note', type: 'display', text: 'Think of a usual day.' },
        { linkId: 'a', type: 'string', item: [{ linkId: 'help', type: 'display', text: 'A few words are enough.' }] },
        { linkId: 'b', type: 'string' },
        { linkId: 'end', type: 'display', text: 'Thank you.' },
      ],
    });
    const [a, b] = listScreens(form, {});
    expect(a?.stem.map((n) => n.item.linkId)).toEqual(['g', 'note']);
    expect(a?.after.map((n) => n.item.linkId)).toEqual(['help']);
    expect(b?.stem.map((n) => n.item.linkId)).toEqual(['g']);
    expect(b?.after.map((n) => n.item.linkId)).toEqual(['end']);
    expect(readingOrder(form, {}).map((n) => n.item.linkId)).toEqual(['g', 'note', 'a', 'help', 'b', 'end']);
  });

  it('gives a long text a screen of its own, with its headings, and keeps the question’s own heading', () => {
    const long = 'Read this with care. '.repeat(15);
    const form = formOf(
      { linkId: 't', type: 'group', text: 'What you agree to', item: [{ linkId: 't1', type: 'display', text: long }] },
      { linkId: 'empty', type: 'group', text: 'Nothing here', item: [{ linkId: 'e1', type: 'display', text: '' }] },
      {
        linkId: 'v', type: 'group', text: 'Video', item: [
          { linkId: 'ok', type: 'boolean' },
          { linkId: 'about', type: 'display', text: 'You may change your mind.', enableWhen: [{ question: 'ok', operator: '=', answerBoolean: true }] },
          { linkId: 'where', type: 'string', required: true },
        ],
      },
    );
    const stems = (responses: Responses) => listScreens(form, responses).map((s) => [s.id, s.stem.map((n) => n.item.linkId), s.node !== undefined]);
    expect(stems({})).toEqual([['t1', ['t', 't1'], false], ['ok', ['v'], true], ['where', ['v'], true]]);
    expect(stems({ ok: true })[2]).toEqual(['where', ['v', 'about'], true]);
    expect(resumeAt(form, {})).toBe(0);
    expect(resumeAt(form, { ok: true })).toBe(2);
    expect(screenOf(form, listScreens(form, {}), 't1')).toBe(-1);
  });

  it('has no screen for a text that is only to be signed', () => {
    expect(listScreens(formOf({ linkId: 't', type: 'display', text: 'Terms' }), {})).toEqual([]);
  });
});
