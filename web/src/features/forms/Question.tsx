import { Plus, X } from 'lucide-react';
import { useState, type ReactNode } from 'react';
import { Button } from '@/components/Button';
import { cx } from '@/components/cx';
import { FieldError, RadioRows } from '@/components/Field';
import { useFormat } from '@/lib/format';
import { useLanguage } from '@/lib/i18n';
import {
  answersOf, findOption, isMoodMeasure, isQuantity, itemWords, optionsOf, optionWords, repeats, unitsOf, type Form, type Option,
} from './questionnaire/form';
import type { Answer, Item, Responses } from './questionnaire/types';
import { limitsOf } from './questionnaire/validate';
import { ClinicText } from './ClinicText';
import { useFormWords } from './words';

const narrowControl =
  'min-h-12 rounded-md border border-line-strong bg-surface px-3.5 py-2 text-md text-ink aria-invalid:border-2 aria-invalid:border-danger';
const control = `w-full ${narrowControl}`;

interface QuestionProps {
  form: Form;
  item: Item;
  id: string;
  value: Responses[string] | undefined;
  onChange: (value: Responses[string] | undefined) => void;
  error?: string;
  /** The question is the page's h1, or a label among others. */
  as: 'h1' | 'label';
  /** Texts above the question. Only phrasing content: it may stand in a legend. */
  stem?: ReactNode;
  /** Help of the questionnaire, under the question. */
  help?: ReactNode;
}

/** One question with the control its type asks for. */
export function Question(props: QuestionProps) {
  const { form, item } = props;
  if (optionsOf(form, item).length > 0) return repeats(item) ? <SeveralChoices {...props} /> : <OneChoice {...props} />;
  if (item.type === 'boolean') return <YesNo {...props} />;
  if (item.type === 'attachment' || item.type === 'reference') return <NotHere {...props} />;
  if (item.type === 'dateTime') return <DateTime {...props} />;
  if (repeats(item)) return <SeveralAnswers {...props} />;
  return (
    <Labelled {...props}>
      {(aria) => <OneField item={item} aria={aria} value={answersOf(props.value)[0]} onChange={props.onChange} />}
    </Labelled>
  );
}

/** The question's words, with "(optional)" and the language when it is not the page's. */
function QuestionWords({ form, item, as }: Pick<QuestionProps, 'form' | 'item' | 'as'>) {
  const { t } = useFormWords();
  const language = useLanguage();
  const words = itemWords(form, item, language);
  // A validated measure keeps its exact words, and some forms say it themselves.
  const optional = !item.required && !isMoodMeasure(form) && !/\((optional|opcional)\)/i.test(words.text);
  return (
    <>
      <ClinicText words={words} note={as === 'h1'} />
      {optional && <span className="text-md font-normal tracking-normal text-ink-2"> {t('optional')}</span>}
    </>
  );
}

const headingLook = 'text-[clamp(1.5rem,1.3rem+0.9vw,1.875rem)]';

interface Aria {
  id: string;
  'aria-invalid'?: true;
  'aria-describedby'?: string;
}

/** A label, or a label that is the h1, for a question with one field. */
function Labelled({ form, item, id, error, as, stem, help, children }: QuestionProps & { children: (aria: Aria) => ReactNode }) {
  const hint = useHint(item);
  const described = [help ? `${id}-help` : '', hint ? `${id}-hint` : '', error ? `${id}-error` : ''].filter(Boolean).join(' ');
  const label = (
    <label htmlFor={id} className={as === 'label' ? 'font-semibold' : undefined}>
      <QuestionWords form={form} item={item} as={as} />
    </label>
  );
  return (
    <div>
      {stem}
      {as === 'h1' ? (
        <h1 tabIndex={-1} className={headingLook}>
          {label}
        </h1>
      ) : (
        label
      )}
      {help && (
        <div id={`${id}-help`} className="mt-1">
          {help}
        </div>
      )}
      {hint && (
        <p id={`${id}-hint`} className="mt-1 text-sm text-ink-2">
          {hint}
        </p>
      )}
      {error && <FieldError id={`${id}-error`}>{error}</FieldError>}
      <div className={as === 'h1' ? 'mt-6' : 'mt-2'}>{children({ id, 'aria-invalid': error ? true : undefined, 'aria-describedby': described || undefined })}</div>
    </div>
  );
}

function useHint(item: Item): string | undefined {
  const { t } = useFormWords();
  const format = useFormat();
  const { min, max } = limitsOf(item);
  const say = (value: number | string) => (item.type === 'date' && typeof value === 'string' ? format.date(value) : value);
  const hints: string[] = [];
  if (min !== undefined && max !== undefined) hints.push(t('between', { min: say(min), max: say(max) }));
  else if (min !== undefined) hints.push(`${t('from', { min: say(min) })}.`);
  else if (max !== undefined) hints.push(`${t('upTo', { max: say(max) })}.`);
  const units = unitsOf(item);
  if (units.length === 1 && units[0]) hints.push(t('inUnit', { unit: units[0] }));
  if (item.maxLength !== undefined) hints.push(t('characters', { max: item.maxLength }));
  if (item.type === 'url') hints.push(t('webHint'));
  return hints.join(' ') || undefined;
}

interface OneFieldProps {
  item: Item;
  aria: Aria;
  value: Answer | undefined;
  /** What cannot be read yet travels as the text it is, so that it is checked and never lost. */
  onChange: (value: Answer | undefined) => void;
}

function OneField({ item, aria, value, onChange }: OneFieldProps) {
  const text = typeof value === 'string' ? value : '';
  const line = (type: 'text' | 'url' | 'date') => (
    <input
      {...aria}
      type={type}
      className={cx(control, type === 'date' && 'max-w-56')}
      value={text}
      onChange={(event) => onChange(event.target.value === '' ? undefined : event.target.value)}
    />
  );
  switch (item.type) {
    case 'integer':
    case 'decimal':
      return <NumberField aria={aria} value={value} whole={item.type === 'integer'} onChange={onChange} />;
    case 'quantity':
      return <QuantityField item={item} aria={aria} value={value} onChange={onChange} />;
    case 'date':
      return line('date');
    case 'time':
      return <input {...aria} type="time" className={cx(control, 'max-w-44')} value={text.slice(0, 5)} onChange={(event) => onChange(event.target.value === '' ? undefined : `${event.target.value}:00`)} />;
    case 'text':
      return <textarea {...aria} rows={5} className={cx(control, 'py-3')} value={text} onChange={(event) => onChange(event.target.value === '' ? undefined : event.target.value)} />;
    default:
      return line(item.type === 'url' ? 'url' : 'text');
  }
}

/** "7", "7.5" or "7,5" as a number; anything else as typed. */
export function readNumber(text: string): number | string | undefined {
  const tidy = text.trim().replace(',', '.');
  if (tidy === '') return undefined;
  return /^[+-]?(\d+(\.\d+)?|\.\d+)$/.test(tidy) ? Number(tidy) : text;
}

function NumberField({ aria, value, whole, onChange }: { aria: Aria; value: Answer | undefined; whole: boolean; onChange: (value: number | string | undefined) => void }) {
  // What is on screen is what was typed: "7." must not lose its point while the person goes on.
  const [text, setText] = useState(typeof value === 'number' || typeof value === 'string' ? String(value) : '');
  return (
    <input
      {...aria}
      type="text"
      inputMode={whole ? 'numeric' : 'decimal'}
      autoComplete="off"
      className={cx(control, 'max-w-40 tabular-nums')}
      value={text}
      onChange={(event) => {
        setText(event.target.value);
        onChange(readNumber(event.target.value));
      }}
    />
  );
}

function QuantityField({ item, aria, value, onChange }: { item: Item; aria: Aria; value: Answer | undefined; onChange: (value: Answer | undefined) => void }) {
  const { t } = useFormWords();
  const units = unitsOf(item);
  const given = isQuantity(value) ? value : undefined;
  const [unit, setUnit] = useState(given?.unit ?? units[0] ?? '');
  const [amount, setAmount] = useState<number | string | undefined>(given?.value ?? (typeof value === 'string' ? value : undefined));
  const change = (nextAmount: number | string | undefined, nextUnit: string) => {
    setAmount(nextAmount);
    setUnit(nextUnit);
    onChange(typeof nextAmount === 'number' ? { value: nextAmount, unit: nextUnit.trim() } : nextAmount);
  };
  return (
    <div className="flex flex-wrap gap-3">
      <NumberField aria={aria} value={amount} whole={false} onChange={(next) => change(next, unit)} />
      {units.length > 1 ? (
        <select aria-label={t('unit')} className={narrowControl} value={unit} onChange={(event) => change(amount, event.target.value)}>
          {units.map((one) => (
            <option key={one}>{one}</option>
          ))}
        </select>
      ) : units.length === 1 ? (
        <span className="self-center text-ink-2">{units[0]}</span>
      ) : (
        <input type="text" aria-label={t('unit')} maxLength={40} className={cx(control, 'max-w-32')} value={unit} onChange={(event) => change(amount, event.target.value)} />
      )}
    </div>
  );
}

/** FHIR wants an offset with a time; it is the device's for that day. A date alone is an answer too. */
export function joinDateTime(date: string, time: string): string | undefined {
  if (date === '') return time === '' ? undefined : `T${time}`;
  if (time === '') return date;
  const minutes = -new Date(`${date}T${time}:00`).getTimezoneOffset();
  const abs = Math.abs(Number.isNaN(minutes) ? 0 : minutes);
  const pad = (n: number) => String(n).padStart(2, '0');
  return `${date}T${time}:00${minutes < 0 ? '-' : '+'}${pad(Math.floor(abs / 60))}:${pad(abs % 60)}`;
}

/** Two fields, each with its own label, under one question. */
function DateTime({ form, item, id, value, onChange, error, as, stem, help }: QuestionProps) {
  const { t } = useFormWords();
  const [date = '', rest = ''] = String(answersOf(value)[0] ?? '').split('T');
  const time = rest.slice(0, 5);
  const invalid = error ? true : undefined;
  return (
    <fieldset aria-describedby={[help ? `${id}-help` : '', error ? `${id}-error` : ''].filter(Boolean).join(' ') || undefined}>
      <Legend form={form} item={item} as={as} stem={stem} />
      {help && (
        <div id={`${id}-help`} className="mt-1">
          {help}
        </div>
      )}
      {error && <FieldError id={`${id}-error`}>{error}</FieldError>}
      <div className={cx('flex flex-wrap gap-3', as === 'h1' ? 'mt-6' : 'mt-2')}>
        <div>
          <label htmlFor={id} className="block text-sm text-ink-2">
            {t('date')}
          </label>
          <input id={id} type="date" aria-invalid={invalid} className={cx(control, 'mt-1 max-w-56')} value={date} onChange={(event) => onChange(joinDateTime(event.target.value, time))} />
        </div>
        <div>
          <label htmlFor={`${id}-time`} className="block text-sm text-ink-2">
            {t('time')}
          </label>
          <input id={`${id}-time`} type="time" aria-invalid={invalid} className={cx(control, 'mt-1 max-w-44')} value={time} onChange={(event) => onChange(joinDateTime(date, event.target.value))} />
        </div>
      </div>
    </fieldset>
  );
}

// Choices

/** A prefix that only repeats the score ("0", "1") says nothing to the person. */
function OptionText({ form, option }: { form: Form; option: Option }) {
  const language = useLanguage();
  const words = optionWords(form, option, language);
  const prefix = option.prefix && !(option.score !== undefined && Number(option.prefix) === option.score) ? `${option.prefix}. ` : '';
  return <ClinicText words={{ ...words, text: prefix + words.text }} />;
}

function Legend({ form, item, as, stem }: Pick<QuestionProps, 'form' | 'item' | 'as' | 'stem'>) {
  return (
    <legend className="w-full">
      {stem}
      {as === 'h1' ? (
        <h1 tabIndex={-1} className={headingLook}>
          <QuestionWords form={form} item={item} as={as} />
        </h1>
      ) : (
        <span className="font-semibold">
          <QuestionWords form={form} item={item} as={as} />
        </span>
      )}
    </legend>
  );
}

const OWN_WORDS = ' own';
/** Up to this many choices stand as rows; more go into a list to open. */
const MAX_ROWS = 8;

function OneChoice(props: QuestionProps) {
  const { form, item, id, value, onChange, error, as, stem, help } = props;
  const { t } = useFormWords();
  const language = useLanguage();
  const options = optionsOf(form, item);
  const answer = answersOf(value)[0];
  const chosen = findOption(options, answer);
  const open = item.type === 'open-choice';
  const [ownWords, setOwnWords] = useState(open && typeof answer === 'string' && !chosen);
  const selected = chosen?.key ?? (ownWords ? OWN_WORDS : undefined);
  const select = (key: string) => {
    setOwnWords(key === OWN_WORDS);
    onChange(key === OWN_WORDS ? undefined : options.find((one) => one.key === key)?.answer);
  };
  const own = ownWords && (
    <div className="mt-4">
      <label htmlFor={`${id}-own`} className="block font-semibold">
        {t('otherLabel')}
      </label>
      <input
        id={`${id}-own`}
        type="text"
        className={cx(control, 'mt-2')}
        value={typeof answer === 'string' ? answer : ''}
        onChange={(event) => onChange(event.target.value === '' ? undefined : event.target.value)}
      />
    </div>
  );

  if (options.length > MAX_ROWS) {
    return (
      <Labelled {...props}>
        {(aria) => (
          <>
            <select {...aria} className={control} value={selected ?? ''} onChange={(event) => select(event.target.value)}>
              <option value="">{t('choose')}</option>
              {options.map((option) => (
                <option key={option.key} value={option.key}>
                  {optionWords(form, option, language).text}
                </option>
              ))}
              {open && <option value={OWN_WORDS}>{t('otherAnswer')}</option>}
            </select>
            {own}
          </>
        )}
      </Labelled>
    );
  }
  return (
    <>
      <RadioRows
        name={id}
        legend={<QuestionWords form={form} item={item} as={as} />}
        legendAs={as}
        stem={stem}
        hint={help}
        error={error}
        value={selected ?? ''}
        onChange={select}
        options={[
          ...options.map((option) => ({ value: option.key, label: <OptionText form={form} option={option} /> })),
          ...(open ? [{ value: OWN_WORDS, label: t('otherAnswer') }] : []),
        ]}
      />
      {own}
      <ClearChoice shown={!item.required && selected !== undefined} onClear={() => select('')} />
    </>
  );
}

function YesNo({ form, item, id, value, onChange, error, as, stem, help }: QuestionProps) {
  const { t } = useFormWords();
  return (
    <>
      <RadioRows
        name={id}
        legend={<QuestionWords form={form} item={item} as={as} />}
        legendAs={as}
        stem={stem}
        hint={help}
        error={error}
        value={typeof value === 'boolean' ? String(value) : ''}
        onChange={(next) => onChange(next === 'true')}
        options={[
          { value: 'true', label: t('yes') },
          { value: 'false', label: t('no') },
        ]}
      />
      <ClearChoice shown={!item.required && typeof value === 'boolean'} onClear={() => onChange(undefined)} />
    </>
  );
}

/** A radio cannot be unticked by itself; an optional question must be able to go back to "no answer". */
function ClearChoice({ shown, onClear }: { shown: boolean; onClear: () => void }) {
  const { t } = useFormWords();
  if (!shown) return null;
  return (
    <Button variant="quiet" small icon={X} className="mt-2" onClick={onClear}>
      {t('clear')}
    </Button>
  );
}

function SeveralChoices({ form, item, id, value, onChange, error, as, stem, help }: QuestionProps) {
  const { t } = useFormWords();
  const options = optionsOf(form, item);
  const answers = answersOf(value);
  const own = answers.find((one) => typeof one === 'string' && !findOption(options, one));
  const [ownWords, setOwnWords] = useState(own !== undefined);
  const isOn = (option: Option) => findOption([option], answers.find((one) => findOption([option], one))) !== undefined;
  const change = (next: Answer[]) => onChange(next.length > 0 ? next : undefined);
  const toggle = (option: Option) => {
    if (isOn(option)) return change(answers.filter((one) => !findOption([option], one)));
    // "None of these" and the rest rule each other out.
    const others = option.exclusive ? [] : answers.filter((one) => !findOption(options, one)?.exclusive);
    change([...others, option.answer]);
  };
  const described = [`${id}-hint`, help ? `${id}-help` : '', error ? `${id}-error` : ''].filter(Boolean).join(' ');
  return (
    <fieldset aria-describedby={described} aria-invalid={error ? true : undefined}>
      <Legend form={form} item={item} as={as} stem={stem} />
      {help && (
        <div id={`${id}-help`} className="mt-1 text-sm text-ink-2">
          {help}
        </div>
      )}
      <p id={`${id}-hint`} className="mt-1 text-sm text-ink-2">
        {t('chooseSeveral')}
      </p>
      {error && <FieldError id={`${id}-error`}>{error}</FieldError>}
      <div className={cx('grid gap-2', as === 'h1' ? 'mt-6' : 'mt-3')}>
        {options.map((option, index) => (
          <CheckRow key={option.key} id={index === 0 ? id : `${id}-${index}`} checked={isOn(option)} onChange={() => toggle(option)}>
            <OptionText form={form} option={option} />
          </CheckRow>
        ))}
        {item.type === 'open-choice' && (
          <CheckRow
            id={`${id}-other`}
            checked={ownWords}
            onChange={() => {
              setOwnWords(!ownWords);
              if (own !== undefined) change(answers.filter((one) => one !== own));
            }}
          >
            {t('otherAnswer')}
          </CheckRow>
        )}
      </div>
      {ownWords && (
        <div className="mt-4">
          <label htmlFor={`${id}-own`} className="block font-semibold">
            {t('otherLabel')}
          </label>
          <input
            id={`${id}-own`}
            type="text"
            className={cx(control, 'mt-2')}
            value={typeof own === 'string' ? own : ''}
            onChange={(event) => change([...answers.filter((one) => one !== own), ...(event.target.value === '' ? [] : [event.target.value])])}
          />
        </div>
      )}
    </fieldset>
  );
}

function CheckRow({ id, checked, onChange, children }: { id: string; checked: boolean; onChange: () => void; children: ReactNode }) {
  return (
    <label className="option grid min-h-15 cursor-pointer grid-cols-[auto_1fr] items-center gap-4 rounded-md border border-line-strong bg-surface px-5 py-3 transition-colors hover:bg-accent-wash has-checked:font-semibold">
      <input type="checkbox" className="checkbox" id={id} checked={checked} onChange={onChange} />
      <span>{children}</span>
    </label>
  );
}

// Several answers to one question

function SeveralAnswers(props: QuestionProps) {
  const { form, item, id, value, onChange, error, as, stem, help } = props;
  const { t } = useFormWords();
  const hint = useHint(item);
  // An empty field at the end is not an answer; it is kept here so that it can be typed into.
  const [fields, setFields] = useState<{ key: number; value: Answer | undefined }[]>(() => {
    const given = answersOf(value);
    return (given.length > 0 ? given : [undefined]).map((one, key) => ({ key, value: one }));
  });
  const change = (next: typeof fields) => {
    setFields(next);
    const answers = next.flatMap((one) => (one.value === undefined ? [] : [one.value]));
    onChange(answers.length > 0 ? answers : undefined);
  };
  const described = [help ? `${id}-help` : '', hint ? `${id}-hint` : '', error ? `${id}-error` : ''].filter(Boolean).join(' ');
  return (
    <fieldset aria-describedby={described || undefined}>
      <Legend form={form} item={item} as={as} stem={stem} />
      {help && (
        <div id={`${id}-help`} className="mt-1">
          {help}
        </div>
      )}
      {hint && (
        <p id={`${id}-hint`} className="mt-1 text-sm text-ink-2">
          {hint}
        </p>
      )}
      {error && <FieldError id={`${id}-error`}>{error}</FieldError>}
      <div className={cx('grid gap-4', as === 'h1' ? 'mt-6' : 'mt-2')}>
        {fields.map((field, index) => {
          const fieldId = index === 0 ? id : `${id}-${field.key}`;
          return (
            <div key={field.key}>
              <label htmlFor={fieldId} className="text-sm text-ink-2">
                {t('answerN', { n: index + 1 })}
              </label>
              <div className="mt-1 flex flex-wrap items-start gap-2">
                <div className="min-w-0 flex-1 basis-48">
                  <OneField
                    item={item}
                    aria={{ id: fieldId, 'aria-invalid': error ? true : undefined }}
                    value={field.value}
                    onChange={(next) => change(fields.map((one) => (one === field ? { ...one, value: next } : one)))}
                  />
                </div>
                {fields.length > 1 && (
                  <Button variant="quiet" icon={X} aria-label={t('removeAnswer', { n: index + 1 })} onClick={() => change(fields.filter((one) => one !== field))}>
                    {t('removeRow')}
                  </Button>
                )}
              </div>
            </div>
          );
        })}
      </div>
      <Button small icon={Plus} className="mt-4" onClick={() => change([...fields, { key: Math.max(...fields.map((one) => one.key)) + 1, value: undefined }])}>
        {t('addAnswer')}
      </Button>
    </fieldset>
  );
}

function NotHere({ form, item, as, stem, error, id }: QuestionProps) {
  const { t } = useFormWords();
  return (
    <div>
      {stem}
      {as === 'h1' ? (
        <h1 tabIndex={-1} className={headingLook}>
          <QuestionWords form={form} item={item} as={as} />
        </h1>
      ) : (
        <p className="font-semibold">
          <QuestionWords form={form} item={item} as={as} />
        </p>
      )}
      {error && <FieldError id={`${id}-error`}>{error}</FieldError>}
      <p id={id} tabIndex={-1} className="mt-3 text-ink-2">
        {t('notHere')}
      </p>
    </div>
  );
}
