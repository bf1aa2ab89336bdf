/** Who comes together, for what, and what is still missing before a time can be chosen. */
import type { ActsFor, Cents, GroupMember, GroupRequest, Id, Service, Slot } from '@/lib/types';

export interface Guest {
  firstName: string;
  lastName: string;
  serviceId: Id;
}
export interface GroupDraft {
  /** By client, the service; who is not in it does not come. */
  people: Record<Id, Id>;
  guests: Guest[];
  mode?: 'parallel' | 'sequence';
  locationId?: Id;
  payerClientId: Id;
}

export interface Member extends GroupMember {
  /** How the page calls them. */
  name: string;
}

/** The people of a draft in the order in which they are seen. */
export function membersOf(draft: GroupDraft, clients: ActsFor[], guestName: (n: number) => string): Member[] {
  return [
    ...clients.filter((one) => one.clientId in draft.people).map((one) => ({ clientId: one.clientId, serviceId: draft.people[one.clientId] ?? '', name: one.firstName })),
    ...draft.guests.map((guest, index) => ({ ...guest, firstName: guest.firstName.trim(), lastName: guest.lastName.trim(), name: guest.firstName.trim() || guestName(index + 1) })),
  ];
}

export type GroupProblem = { id: string; kind: 'people' | 'mode' | 'place' } | { id: string; kind: 'service'; name: string } | { id: string; kind: 'name'; n: number };

export function missingIn(draft: GroupDraft, members: Member[]): GroupProblem[] {
  const guests = members.length - draft.guests.length;
  return [
    ...(members.length < 2 ? [{ id: 'people', kind: 'people' as const }] : []),
    ...draft.guests.flatMap((guest, index) => (guest.firstName.trim() && guest.lastName.trim() ? [] : [{ id: guest.firstName.trim() ? `last-${index}` : `first-${index}`, kind: 'name' as const, n: index + 1 }])),
    ...members.flatMap((member, index) => (member.serviceId ? [] : [{ id: member.clientId ? `service-${member.clientId}` : `guest-service-${index - guests}`, kind: 'service' as const, name: member.name }])),
    ...(draft.mode ? [] : [{ id: 'mode', kind: 'mode' as const }]),
    ...(draft.locationId ? [] : [{ id: 'place', kind: 'place' as const }]),
  ];
}

export function groupBody(draft: GroupDraft, members: Member[], slot: Slot): GroupRequest {
  if (!draft.mode || !draft.locationId) throw new Error('the booking is not complete');
  return {
    locationId: draft.locationId,
    startTime: slot.startTime,
    mode: draft.mode,
    members: members.map(({ clientId, firstName, lastName, serviceId }) => (clientId ? { clientId, serviceId } : { firstName, lastName, serviceId })),
    payerClientId: draft.payerClientId,
  };
}

export function totalOf(members: Member[], services: Service[]): Cents {
  return members.reduce((sum, member) => sum + (services.find((one) => one.id === member.serviceId)?.priceCents ?? 0), 0);
}
