import { AlertTriangle, Check, Circle } from 'lucide-react';
import { useId, useState, type ComponentProps, type ReactNode } from 'react';
import { useConfig } from '@/lib/config';
import type { DateParts } from '@/lib/forms';
import { cx } from './cx';
import { Icon } from './Icon';
import { useComponentWords } from './words';

interface FieldBase {
  label: ReactNode;
  hint?: ReactNode;
  /** The message; its presence makes the field invalid. */
  error?: string;
  optional?: boolean;
}

interface FieldProps extends FieldBase {
  id: string;
  children: (aria: { id: string; 'aria-invalid'?: true; 'aria-describedby'?: string }) => ReactNode;
}

const control =
  'min-h-12 w-full rounded-md border border-line-strong bg-surface px-3.5 py-2 text-ink aria-invalid:border-2 aria-invalid:border-danger';

/** Label, hint, error, control: in that order, with the wiring that readers need. */
export function Field({ id, label, hint, error, optional, children }: FieldProps) {
  const { t } = useComponentWords();
  const described = [hint && `${id}-hint`, error && `${id}-error`].filter(Boolean).join(' ');
  return (
    <div>
      <label htmlFor={id} className="block font-semibold">
        {label} {optional && <span className="font-normal text-ink-2">{t('optional')}</span>}
      </label>
      {hint && (
        <p id={`${id}-hint`} className="text-sm text-ink-2">
          {hint}
        </p>
      )}
      {error && <FieldError id={`${id}-error`}>{error}</FieldError>}
      <div className="mt-2">{children({ id, 'aria-invalid': error ? true : undefined, 'aria-describedby': described || undefined })}</div>
    </div>
  );
}

export function FieldError({ id, children }: { id: string; children: ReactNode }) {
  return (
    <p id={id} className="mt-1 flex items-start gap-1.5 text-sm font-semibold text-danger">
      <Icon of={AlertTriangle} small className="mt-0.5" />
      <span>{children}</span>
    </p>
  );
}

type Named = { name: string };

/** A line of text. Spread React Hook Form's `register` into it; the field's name is its id. */
export function TextInput({ label, hint, error, optional, className, id, ...input }: FieldBase & Named & ComponentProps<'input'>) {
  return (
    <Field id={id ?? input.name} label={label} hint={hint} error={error} optional={optional}>
      {(aria) => <input type="text" {...input} {...aria} className={cx(control, className)} />}
    </Field>
  );
}

export function TextArea({ label, hint, error, optional, className, id, rows = 4, ...input }: FieldBase & Named & ComponentProps<'textarea'>) {
  return (
    <Field id={id ?? input.name} label={label} hint={hint} error={error} optional={optional}>
      {(aria) => <textarea rows={rows} {...input} {...aria} className={cx(control, 'py-3', className)} />}
    </Field>
  );
}

/** The browser's own select: it is the one every phone and reader knows. Children are options. */
export function Select({ label, hint, error, optional, className, id, children, ...input }: FieldBase & Named & ComponentProps<'select'>) {
  return (
    <Field id={id ?? input.name} label={label} hint={hint} error={error} optional={optional}>
      {(aria) => (
        <select {...input} {...aria} className={cx(control, className)}>
          {children}
        </select>
      )}
    </Field>
  );
}

/** A six-digit code in one field: paste works, with or without spaces. */
export function CodeInput({ label, hint, error, className, id, ...input }: Omit<FieldBase, 'optional'> & Named & ComponentProps<'input'>) {
  return (
    <Field id={id ?? input.name} label={label} hint={hint} error={error}>
      {(aria) => (
        <input
          type="text"
          inputMode="numeric"
          autoComplete="one-time-code"
          spellCheck={false}
          {...input}
          {...aria}
          className={cx(control, 'max-w-48 font-mono text-[1.25rem] tracking-[0.2em]', className)}
        />
      )}
    </Field>
  );
}

/** The six digits of what was typed or pasted. */
export function codeOf(typed: string): string {
  return typed.replace(/\D/g, '');
}

interface PasswordInputProps extends Omit<FieldBase, 'optional'>, Omit<ComponentProps<'input'>, 'name'> {
  name: string;
  /** Shows the clinic's rules, ticked as they are met; for choosing a password, not for signing in. */
  rulesFor?: string;
}

export function PasswordInput({ label, hint, error, className, id, rulesFor, ...input }: PasswordInputProps) {
  const { t } = useComponentWords();
  const [shown, setShown] = useState(false);
  return (
    <div>
      <Field id={id ?? input.name} label={label} hint={hint} error={error}>
        {(aria) => (
          <>
            {rulesFor !== undefined && <PasswordRules password={rulesFor} />}
            <div className="relative">
              <input {...input} {...aria} type={shown ? 'text' : 'password'} autoCapitalize="none" spellCheck={false} className={cx(control, 'pr-24', className)} />
              <button
                type="button"
                className="absolute inset-y-1 right-1 min-w-16 rounded-sm px-3 text-sm font-semibold text-accent-text hover:bg-accent-tint"
                aria-label={shown ? t('hidePassword') : t('showPassword')}
                onClick={() => setShown(!shown)}
              >
                {shown ? t('hide') : t('show')}
              </button>
            </div>
            {rulesFor !== undefined && <PasswordStrength password={rulesFor} />}
          </>
        )}
      </Field>
    </div>
  );
}

function usePasswordRules(password: string): { key: string; text: string; met: boolean }[] {
  const { t } = useComponentWords();
  const { minLength, classes } = useConfig().passwordPolicy;
  return [
    { key: 'length', text: t('passwordLength', { n: minLength }), met: [...password].length >= minLength },
    ...(classes
      ? [
          { key: 'lower', text: t('passwordLower'), met: /\p{Ll}/u.test(password) },
          { key: 'upper', text: t('passwordUpper'), met: /\p{Lu}/u.test(password) },
          { key: 'digit', text: t('passwordDigit'), met: /\p{Nd}/u.test(password) },
          { key: 'symbol', text: t('passwordSymbol'), met: /[^\p{L}\p{N}\s]/u.test(password) },
        ]
      : []),
  ];
}

function PasswordRules({ password }: { password: string }) {
  const { t } = useComponentWords();
  return (
    <ul className="mb-3 grid gap-1 text-sm text-ink-2">
      {usePasswordRules(password).map((rule) => (
        <li key={rule.key} className="flex items-center gap-2">
          <Icon of={rule.met ? Check : Circle} small className={rule.met ? 'text-success' : 'text-ink-3'} />
          <span>
            {rule.text}
            {rule.met && <span className="sr-only">, {t('met')}</span>}
          </span>
        </li>
      ))}
    </ul>
  );
}

/** One sentence. A rough guide for the person; what is accepted is the server's decision. */
function PasswordStrength({ password }: { password: string }) {
  const { t } = useComponentWords();
  const allMet = usePasswordRules(password).every((rule) => rule.met);
  const varied = new Set(password).size >= 12 && [...password].length >= 16;
  const sentence = password === '' ? t('strengthNone') : !allMet ? t('strengthWeak') : varied ? t('strengthStrong') : t('strengthGood');
  return (
    <p className="mt-2 text-sm text-ink-2" aria-live="polite">
      {sentence}
    </p>
  );
}

/** Whether the clinic's rules are met; the same rules the server applies. */
export function meetsPolicy(password: string, policy: { minLength: number; classes: boolean }): boolean {
  if ([...password].length < policy.minLength) return false;
  return !policy.classes || (/\p{Ll}/u.test(password) && /\p{Lu}/u.test(password) && /\p{Nd}/u.test(password) && /[^\p{L}\p{N}\s]/u.test(password));
}

interface DateOfBirthProps extends FieldBase {
  name: string;
  value: DateParts;
  onChange: (value: DateParts) => void;
  onBlur?: () => void;
  /** "bday" for one's own date of birth; nothing for somebody else's. */
  autoComplete?: 'bday';
}

/** Three typed fields, in the order of the language. No calendar: nobody scrolls back forty years. */
export function DateOfBirth({ label, hint, error, name, value, onChange, onBlur, autoComplete }: DateOfBirthProps) {
  const { t, language } = useComponentWords();
  const order: (keyof DateParts)[] = language === 'es' ? ['day', 'month', 'year'] : ['month', 'day', 'year'];
  return (
    <fieldset
      aria-describedby={[hint && `${name}-hint`, error && `${name}-error`].filter(Boolean).join(' ') || undefined}
      onBlur={(event) => {
        if (!event.currentTarget.contains(event.relatedTarget)) onBlur?.();
      }}
    >
      <legend className="font-semibold">{label}</legend>
      {hint && (
        <p id={`${name}-hint`} className="text-sm text-ink-2">
          {hint}
        </p>
      )}
      {error && <FieldError id={`${name}-error`}>{error}</FieldError>}
      <div className="mt-2 flex gap-3">
        {order.map((part, index) => (
          <div key={part}>
            {/* The summary's link goes to the group's name, which is the first field. */}
            <label htmlFor={index === 0 ? name : `${name}-${part}`} className="block text-sm text-ink-2">
              {t(part)}
            </label>
            <input
              id={index === 0 ? name : `${name}-${part}`}
              inputMode="numeric"
              autoComplete={autoComplete && `bday-${part}`}
              maxLength={part === 'year' ? 4 : 2}
              value={value[part]}
              aria-invalid={error ? true : undefined}
              onChange={(event) => onChange({ ...value, [part]: event.target.value.replace(/\D/g, '') })}
              className={cx(control, 'mt-1 tabular-nums', part === 'year' ? 'max-w-24' : 'max-w-18')}
            />
          </div>
        ))}
      </div>
    </fieldset>
  );
}

export interface RadioOption {
  value: string;
  label: ReactNode;
  /** A second line under the label. */
  detail?: ReactNode;
  /** At the right edge, e.g. a card's mark. */
  aside?: ReactNode;
}

interface RadioRowsProps {
  name: string;
  legend: ReactNode;
  /** Shows the legend as a field label (default), as an h1 or h2, or only to readers. */
  legendAs?: 'label' | 'h1' | 'h2' | 'hidden';
  /** Text above the legend, e.g. a questionnaire's stem. */
  stem?: ReactNode;
  hint?: ReactNode;
  error?: string;
  options: RadioOption[];
  value: string | undefined;
  onChange: (value: string) => void;
}

/** Full-width options, 60 px high. Choosing selects and never moves on. */
export function RadioRows({ name, legend, legendAs = 'label', stem, hint, error, options, value, onChange }: RadioRowsProps) {
  return (
    <fieldset aria-describedby={[hint && `${name}-hint`, error && `${name}-error`].filter(Boolean).join(' ') || undefined} aria-invalid={error ? true : undefined}>
      <legend className={legendAs === 'hidden' ? 'sr-only' : 'w-full'}>
        {stem && <span className="mb-2 block text-ink-2">{stem}</span>}
        {legendAs === 'h1' ? (
          <h1 tabIndex={-1} className="text-[clamp(1.5rem,1.3rem+0.9vw,1.875rem)]">
            {legend}
          </h1>
        ) : legendAs === 'h2' ? (
          <h2>{legend}</h2>
        ) : (
          <span className="font-semibold">{legend}</span>
        )}
      </legend>
      {hint && (
        <p id={`${name}-hint`} className="text-sm text-ink-2">
          {hint}
        </p>
      )}
      {error && <FieldError id={`${name}-error`}>{error}</FieldError>}
      <div className={cx('grid gap-2', legendAs === 'h1' ? 'mt-6' : 'mt-3')}>
        {options.map((option, index) => (
          <label
            key={option.value}
            className="option grid min-h-15 cursor-pointer grid-cols-[auto_1fr_auto] items-center gap-4 rounded-md border border-line-strong bg-surface px-5 py-3 transition-colors hover:bg-accent-wash has-checked:font-semibold"
          >
            <input
              type="radio"
              className="radio"
              id={index === 0 ? name : `${name}-${index}`}
              name={name}
              value={option.value}
              checked={value === option.value}
              onChange={() => onChange(option.value)}
            />
            <span>
              {option.label}
              {option.detail && <span className="block text-sm font-normal text-ink-2">{option.detail}</span>}
            </span>
            {option.aside}
          </label>
        ))}
      </div>
    </fieldset>
  );
}

interface CheckboxProps extends Omit<ComponentProps<'input'>, 'children'> {
  name: string;
  error?: string;
  children: ReactNode;
}

/** One statement to agree to, or one of several choices. Never ticked beforehand where it is a consent. */
export function Checkbox({ name, id, error, children, ...input }: CheckboxProps) {
  const fallback = useId();
  const boxId = id ?? name ?? fallback;
  return (
    <div>
      {error && <FieldError id={`${boxId}-error`}>{error}</FieldError>}
      <label htmlFor={boxId} className="grid min-h-11 cursor-pointer grid-cols-[auto_1fr] items-start gap-3 py-2">
        <input
          {...input}
          type="checkbox"
          className="checkbox mt-0.5"
          id={boxId}
          name={name}
          aria-invalid={error ? true : undefined}
          aria-describedby={error ? `${boxId}-error` : undefined}
        />
        <span>{children}</span>
      </label>
    </div>
  );
}
