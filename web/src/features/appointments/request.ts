/** The steps of a request: what each needs, and where a refusal of the server belongs. */
import type { AppointmentRequest, FieldProblem, Id, Location, Provider, Service, ServiceLocation } from '@/lib/types';
import type { Preference } from './preferences';

export const steps = ['service', 'place', 'times', 'reason', 'review'] as const;
export type Step = (typeof steps)[number];

/** Anyone who is free: sent as no clinician at all. */
export const ANYONE = 'any';
export const REASON_MAX = 2000;

export interface Catalogue {
  services: Service[];
  providers: Provider[];
  locations: Location[];
}

/** A way to meet: by video, or at one of the clinic's places. */
export interface Way {
  /** Usable as an input's value. */
  key: string;
  how: ServiceLocation;
  location?: Location;
}

export interface RequestDraft {
  serviceId?: Id;
  /** A clinician's id or ANYONE. */
  who?: Id;
  /** A Way's key. */
  way?: string;
  times: Preference[];
  reason: string;
  note: string;
}

export const emptyDraft: RequestDraft = { times: [], reason: '', note: '' };

/** The clinicians who offer a service. */
export function providersFor(service: Service, providers: Provider[]): Provider[] {
  return providers.filter((one) => one.serviceIds.includes(service.id));
}

/** How a service can be had, with this clinician or with anyone. */
export function waysFor(service: Service, catalogue: Catalogue, who: Id | undefined): Way[] {
  const clinician = catalogue.providers.find((one) => one.id === who);
  const places = catalogue.locations.filter((one) => !clinician || clinician.locationIds.includes(one.id));
  return service.serviceLocations.flatMap((how): Way[] => {
    if (how === 'TELEHEALTH' || places.length === 0) return [{ key: how, how }];
    return places.map((location) => ({ key: `${how} ${location.id}`, how, location }));
  });
}

/** The town whose clocks the times are of. */
export function cityName(location: { address: { city: string } } | undefined, zone: string): string {
  return location?.address.city || (zone.split('/').at(-1) ?? zone).replaceAll('_', ' ');
}

/** Fills in what leaves no choice; the step that asks for it is then skipped. */
export function withOnlyChoices(draft: RequestDraft, service: Service, catalogue: Catalogue): RequestDraft {
  const offering = providersFor(service, catalogue.providers);
  const kept = draft.who === ANYONE || offering.some((one) => one.id === draft.who) ? draft.who : undefined;
  // With nobody listed there is nobody to choose; with one, that one is who comes.
  const who = kept ?? (offering.length === 0 ? ANYONE : offering.length === 1 ? offering[0]?.id : undefined);
  const ways = waysFor(service, catalogue, who);
  const way = ways.find((one) => one.key === draft.way) ?? (ways.length === 1 ? ways[0] : undefined);
  return { ...draft, who, way: way?.key };
}

export function hasPlaceChoice(service: Service, catalogue: Catalogue): boolean {
  return waysFor(service, catalogue, undefined).length > 1 || providersFor(service, catalogue.providers).length > 1;
}

/** The first step that is not done yet; nobody gets past it. */
export function firstOpenStep(draft: RequestDraft): Step {
  if (!draft.serviceId) return 'service';
  if (!draft.who || !draft.way) return 'place';
  if (draft.times.length === 0) return 'times';
  return draft.reason.trim() === '' ? 'reason' : 'review';
}

/** The step to show when `wished` was asked for by link, reload or the browser's Back. */
export function allowedStep(wished: string | undefined, draft: RequestDraft): Step {
  const step = steps.find((one) => one === wished) ?? 'service';
  const open = firstOpenStep(draft);
  return steps.indexOf(step) <= steps.indexOf(open) ? step : open;
}

export function bodyOf(draft: RequestDraft, way: Way | undefined): AppointmentRequest {
  const [first, second, third] = draft.times;
  if (!draft.serviceId || !way || !first) throw new Error('the request is not complete');
  const note = draft.note.trim();
  return {
    ...(draft.who && draft.who !== ANYONE ? { clinicianId: draft.who } : {}),
    appointmentType: draft.serviceId,
    serviceLocation: way.how,
    ...(way.location ? { locationId: way.location.id } : {}),
    preferredDate1: first.date,
    preferredTime1: first.time,
    ...(second ? { preferredDate2: second.date, preferredTime2: second.time } : {}),
    ...(third ? { preferredDate3: third.date, preferredTime3: third.time } : {}),
    reasonForVisit: draft.reason.trim(),
    ...(note ? { notes: note } : {}),
  };
}

export type RequestField = 'service' | 'who' | 'how' | 'times' | 'time-0' | 'time-1' | 'time-2' | 'reason' | 'note';

const stepOf: Record<RequestField, Step> = {
  service: 'service', who: 'place', how: 'place', times: 'times', 'time-0': 'times', 'time-1': 'times', 'time-2': 'times', reason: 'reason', note: 'reason',
};

/** The server's field errors as errors of this form, and the first step that holds one. */
export function readFieldErrors(fields: Record<string, FieldProblem>): { errors: Partial<Record<RequestField, string>>; step?: Step } {
  const errors: Partial<Record<RequestField, string>> = {};
  for (const [name, { message }] of Object.entries(fields)) {
    const field = fieldOf(name);
    if (field) errors[field] ??= message;
  }
  const step = steps.find((one) => Object.keys(errors).some((field) => stepOf[field as RequestField] === one));
  return { errors, step };
}

function fieldOf(name: string): RequestField | undefined {
  const preferred = /^preferred(?:Date|Time)([123])$/.exec(name);
  if (preferred) return `time-${Number(preferred[1]) - 1}` as RequestField;
  switch (name) {
    case 'appointmentType':
      return 'service';
    case 'clinicianId':
      return 'who';
    case 'serviceLocation':
    case 'locationId':
      return 'how';
    case 'reasonForVisit':
      return 'reason';
    case 'notes':
      return 'note';
    default:
      return undefined;
  }
}
