/**
 * The part of a FHIR R4 Questionnaire that the portal reads, and the answers it
 * sends back. Unknown elements and extensions are allowed and ignored.
 *
 * https://hl7.org/fhir/R4/questionnaire.html
 */

import type { Coding as CodedAnswer } from '@/lib/types';

export type { Answer, Responses } from '@/lib/types';
/** A coded answer as it is stored: the questionnaire's own wording, never a translation. */
export type { CodedAnswer };

export interface Extension {
  url: string;
  [value: string]: unknown;
}

/** The `_text` twin of a primitive element: only its translations are read. */
export interface PrimitiveExtensions {
  extension?: Extension[];
}

export interface Coding extends CodedAnswer {
  _display?: PrimitiveExtensions;
}

export interface Quantity {
  value: number;
  unit?: string;
  system?: string;
  code?: string;
}

export type ItemType =
  | 'group' | 'display' | 'boolean' | 'decimal' | 'integer' | 'date' | 'dateTime' | 'time'
  | 'string' | 'text' | 'url' | 'choice' | 'open-choice' | 'attachment' | 'reference' | 'quantity';

/** One value in FHIR's `value[x]` style, as answerOption, initial and enableWhen carry it. */
export interface AnswerOption {
  valueCoding?: Coding;
  valueString?: string;
  valueInteger?: number;
  valueDate?: string;
  valueTime?: string;
  initialSelected?: boolean;
  extension?: Extension[];
}

export interface Initial {
  valueBoolean?: boolean;
  valueDecimal?: number;
  valueInteger?: number;
  valueDate?: string;
  valueDateTime?: string;
  valueTime?: string;
  valueString?: string;
  valueUri?: string;
  valueCoding?: Coding;
  valueQuantity?: Quantity;
}

export interface EnableWhen {
  question: string;
  operator: 'exists' | '=' | '!=' | '>' | '<' | '>=' | '<=';
  answerBoolean?: boolean;
  answerDecimal?: number;
  answerInteger?: number | string;
  answerDate?: string;
  answerDateTime?: string;
  answerTime?: string;
  answerString?: string;
  answerCoding?: Coding;
  answerQuantity?: Quantity;
}

export interface Item {
  linkId: string;
  type: ItemType;
  prefix?: string;
  text?: string;
  _text?: PrimitiveExtensions;
  code?: Coding[];
  required?: boolean;
  /** Some stores write the string "true". */
  repeats?: boolean | string;
  readOnly?: boolean;
  maxLength?: number;
  answerOption?: AnswerOption[];
  answerValueSet?: string;
  initial?: Initial[];
  enableWhen?: EnableWhen[];
  enableBehavior?: 'all' | 'any';
  extension?: Extension[];
  item?: Item[];
}

export interface ValueSet {
  resourceType: 'ValueSet';
  id?: string;
  url?: string;
  compose?: { include?: { system?: string; concept?: { code: string; display?: string }[] }[] };
  expansion?: { contains?: { system?: string; code?: string; display?: string; abstract?: boolean }[] };
}

export interface Questionnaire {
  resourceType: 'Questionnaire';
  title?: string;
  description?: string;
  language?: string;
  code?: Coding[];
  contained?: ({ resourceType: string } & Record<string, unknown>)[];
  item?: Item[];
}
