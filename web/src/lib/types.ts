/**
 * Shapes of the portal's API (`/api/v1/portal`). Field names are the server's.
 * Every amount is in integer cents, every instant in RFC 3339 UTC, every Day a calendar date without a zone.
 */
export type Id = string;
export type Instant = string;
export type Day = string;
export type Wall = string;
export type Cents = number;

export type ErrorCode =
  | 'UNAUTHORIZED'
  | 'FORBIDDEN'
  | 'NOT_FOUND'
  | 'VALIDATION_ERROR'
  | 'CONFLICT'
  | 'RATE_LIMITED'
  | 'INTERNAL_ERROR'
  | 'SERVICE_UNAVAILABLE';

export interface FieldProblem {
  code: string;
  message: string;
}
export interface ErrorDetails {
  reason?: string;
  fields?: Record<string, FieldProblem>;
  /** Seconds. */
  retryAfter?: number;
  [key: string]: unknown;
}
export interface Page {
  page: number;
  limit: number;
  total: number;
  totalPages: number;
}

// Clinic and catalogue (no sign-in)

export interface Address {
  street: string;
  city: string;
  state: string;
  zipCode: string;
  country?: string;
}
export interface Config {
  clinicName: string;
  timeZone: string;
  languages: string[];
  accentColor: string;
  logoUrl?: string;
  features: {
    passkeys: boolean;
    magicLink: boolean;
    oauth: string[];
    sms: boolean;
    instantBooking: boolean;
    payments: 'stripe' | 'test' | 'off';
    webPush: boolean;
  };
  stripePublishableKey?: string;
  vapidPublicKey?: string;
  passwordPolicy: { minLength: number; classes: boolean };
  crisisText: string;
  demo: boolean;
  version: string;
  phone?: string;
  address?: Address;
  /** The domain on which passkeys work. */
  passkeyRpId?: string;
}
export type BookingMode = 'off' | 'view' | 'request' | 'instant';
export type ServiceLocation = 'TELEHEALTH' | 'IN_OFFICE';
export interface Service {
  id: Id;
  name: string;
  description?: string;
  category: string;
  durationMinutes: number;
  priceCents: Cents;
  currency: string;
  depositRequired: boolean;
  depositCents?: Cents;
  bookingMode: BookingMode;
  serviceLocations: ServiceLocation[];
  /** How many visits may be booked at once, where it is more than one. */
  seriesMax?: number;
  lateFeeCents?: Cents;
}
export interface Provider {
  id: Id;
  firstName: string;
  lastName: string;
  title: string;
  discipline?: string;
  specializations: string[];
  bio?: string;
  photoUrl?: string;
  isAcceptingNewPatients: boolean;
  serviceIds: Id[];
  locationIds: Id[];
  bookingMode?: BookingMode;
}
export interface Location {
  id: Id;
  name: string;
  address: Address;
  timeZone: string;
  phone?: string;
}

// Sign-in and sessions

export type Relationship = 'self' | 'parent' | 'guardian' | 'partner' | 'billing';
export type Scope = 'all' | 'appointments_forms' | 'billing';
export interface ActsFor {
  clientId: Id;
  firstName: string;
  lastName: string;
  relationship: Relationship;
  scope: Scope;
  expiresAt?: Instant;
  /** Of their picture, where there is one and the access covers it. It wants the token. */
  avatarUrl?: string;
}
export interface SessionInfo {
  id: Id;
  idleExpiresAt: Instant;
  absoluteExpiresAt: Instant;
  remembered: boolean;
  defaultClientId: Id;
  clients: ActsFor[];
  /** Until when it counts that the person has just proven who they are. */
  provenUntil?: Instant;
  /** Until this is done, the server answers nothing else. */
  mustDo?: 'change_password'[];
}
export interface User {
  id: Id;
  email: string;
  firstName: string;
  lastName: string;
  clientId: Id;
  mfaEnabled: boolean;
}
export interface Tokens {
  accessToken: string;
  refreshToken: string;
  /** Seconds. */
  expiresIn: number;
}
export interface LoginData {
  user: User;
  tokens: Tokens;
  session: SessionInfo;
}
export interface SessionData {
  user: User;
  session: SessionInfo;
}
export type MfaMethod = 'totp' | 'sms' | 'email' | 'recovery' | 'passkey';
/** What an invitation's link says, before it is accepted: nothing of whose record it is. */
export interface Invitation {
  /** "l•••@okafor.example". */
  emailHint: string;
  relationship: Relationship;
  scope: Scope;
  expiresAt: Instant;
  /** Whether somebody signs in with that address already. */
  hasLogin: boolean;
}
export interface RegisterRequest {
  email: string;
  password: string;
  firstName: string;
  lastName: string;
  dateOfBirth: Day;
  phone?: string;
}
export interface RegisterData {
  portalUserId: Id;
  email: string;
  verificationRequired: boolean;
}

// Appointments

export type AppointmentStatus =
  | 'requested'
  | 'scheduled'
  | 'confirmed'
  | 'arrived'
  | 'in_progress'
  | 'completed'
  | 'cancelled'
  | 'declined'
  | 'no_show';
export interface Appointment {
  id: Id;
  appointmentDate: Day;
  startTime: Instant;
  endTime: Instant;
  /** Minutes. */
  duration: number;
  /** The service's name. */
  appointmentType: string;
  serviceLocation: ServiceLocation;
  clinician: { id: Id; firstName: string; lastName: string; title: string };
  status: AppointmentStatus;
  notes?: string;
  telehealthLink?: string;
  canCancel: boolean;
  cancellationDeadline?: Instant;
  /** The deadline, or the end of the grace when that is later, as the server wrote it. */
  cancellationDeadlineDisplay?: string;
  timeZone: string;
  localStart: Wall;
  localEnd: Wall;
  display: string;
  serviceId: Id;
  location?: { id: Id; name: string; address: Address };
  clientId: Id;
  canReschedule: boolean;
  canCheckIn: boolean;
  /** What giving it back costs now. */
  lateFeeCents?: Cents;
  /** What it costs after the deadline. */
  feeAfterDeadlineCents?: Cents;
  depositCents?: Cents;
  depositPaid: boolean;
  formsDue: Id[];
  groupBookingId?: Id;
  seriesId?: Id;
  /** Of somebody who came along in a group booking and has no record of their own. */
  guestName?: string;
  canConfirm?: boolean;
  /** Until when a visit just booked can be given back for nothing. */
  graceUntil?: Instant;
  waitingRoomStatus?: 'arrived' | 'room_ready' | 'in_progress' | 'completed' | 'no_show';
  requested?: { preferences: { date: Day; time: Wall }[]; submittedAt: Instant; declineReason?: string };
  updatedAt: Instant;
}
export interface AppointmentList {
  appointments: Appointment[];
  pagination: Page;
}
export interface AppointmentRequest {
  clinicianId?: Id;
  /** Where several places could be meant; the times are in its zone. */
  locationId?: Id;
  appointmentType: string;
  preferredDate1: Day;
  preferredTime1: Wall;
  preferredDate2?: Day;
  preferredTime2?: Wall;
  preferredDate3?: Day;
  preferredTime3?: Wall;
  serviceLocation: ServiceLocation;
  notes?: string;
  reasonForVisit: string;
}
export interface AppointmentRequestData {
  requestId: Id;
  status: 'PENDING';
  submittedAt: Instant;
  /** What the clinic says about it: whether the first choice is held until it answers. */
  message?: string;
}

/** A start that can be booked now. Its wall time and offset are the server's: the browser's zone data may be older. */
export interface Slot {
  startTime: Instant;
  endTime: Instant;
  localDate: Day;
  localTime: Wall;
  /** "-07:00". */
  utcOffset: string;
  display: string;
  /** "any" where several could give it. */
  clinicianId: Id;
  locationId: Id;
  serviceLocation: ServiceLocation;
  any?: true;
  clinicianIds?: Id[];
  /** Where the clocks show this wall time twice that day. */
  again?: 'first' | 'second';
  /** Until when it could be given back for nothing, as the server wrote it; absent once that has passed, or when it always can. */
  freeUntilDisplay?: string;
}
export interface Person {
  id: Id;
  firstName: string;
  lastName: string;
  title: string;
}
export interface Availability {
  serviceId: Id;
  durationMinutes: number;
  timeZone: string;
  /** Every day of the range, with or without times. */
  days: { date: Day; slots: Slot[] }[];
  nextAvailable?: Slot;
  clinicians?: Person[];
  bookingMode?: 'request' | 'instant';
  /** False: no working hours were entered, so times can only be asked for. */
  enforced?: boolean;
  terms: BookingTerms;
}
/** What somebody should know of a visit before it is theirs. */
export interface BookingTerms {
  /** Until how many hours before its start a visit can be given back for nothing. */
  freeCancelHours: number;
  /** What happens after that. */
  lateCancel: 'refuse' | 'fee' | 'free';
  lateFeeCents?: Cents;
  /** Minutes after booking in which nothing is late. */
  graceMinutes: number;
  depositCents?: Cents;
  seriesMax?: number;
  requestHolds: boolean;
}
export interface BookingRequest {
  serviceId: Id;
  practitionerId?: Id;
  locationId: Id;
  startTime: Instant;
  serviceLocation?: ServiceLocation;
  patientNotes?: string;
  series?: { count: number; everyDays: number; skipTaken?: boolean };
}
export interface BookingData {
  appointment: Appointment;
  deposit?: { invoiceId: Id; amountCents: Cents };
  series?: { id: Id; appointments: Appointment[]; skipped: Day[] };
}
/** What giving a visit back costs now. */
export interface CancellationTerms {
  allowed: boolean;
  feeCents: Cents;
  reason?: string;
  deadline?: Instant;
  graceUntil?: Instant;
  phone?: string;
}
export interface VisitHistory {
  events: {
    at: Instant;
    what: string;
    /** "you", "clinic", "system". */
    by: string;
    fromStart?: Instant;
    toStart?: Instant;
    reason?: string;
    /** The same on the clocks of the place, as the server wrote it. */
    atDisplay: string;
    fromDisplay?: string;
    toDisplay?: string;
  }[];
}
export interface WaitlistEntry {
  id: Id;
  serviceId: Id;
  clinicianId?: Id;
  locationId?: Id;
  serviceLocation?: ServiceLocation;
  /** 0 is Sunday; none means any. */
  days: number[];
  from?: Wall;
  to?: Wall;
  expiresOn?: Day;
  status: 'waiting' | 'offered' | 'booked' | 'expired' | 'withdrawn';
  offer?: { slot: Slot; expiresAt: Instant };
}
export type WaitlistWish = Omit<WaitlistEntry, 'id' | 'status' | 'offer'>;
export interface GroupMember {
  clientId?: Id;
  firstName?: string;
  lastName?: string;
  serviceId: Id;
  practitionerId?: Id;
}
export interface GroupRequest {
  locationId: Id;
  startTime: Instant;
  mode: 'parallel' | 'sequence';
  members: GroupMember[];
  payerClientId: Id;
}
export interface GroupData {
  id: Id;
  appointments: Appointment[];
  totalCents: Cents;
  deposit?: { invoiceId: Id; amountCents: Cents };
}
export interface GroupBooking {
  id: Id;
  mode: 'parallel' | 'sequence';
  status: string;
  startTime: Instant;
  display: string;
  timeZone: string;
  payerClientId: Id;
  totalCents: Cents;
  currency: string;
  appointments: Appointment[];
}
export interface CalendarFeed {
  id: Id;
  clientId: Id;
  createdAt: Instant;
  lastUsed?: Instant;
}

// Forms

export interface FormItem {
  /** The assignment. */
  id: Id;
  formType: string;
  formTitle: string;
  description?: string;
  assignedDate: Instant;
  dueDate?: Day | Instant;
  status: 'pending' | 'in_progress' | 'completed';
  completedDate?: Instant;
  isOverdue: boolean;
  estimatedMinutes?: number;
  clientId: Id;
  signersLeft: number;
}
export interface FormList {
  forms: FormItem[];
  pagination: Page;
}
export interface Coding {
  system?: string;
  code: string;
  display?: string;
}
export type Answer = boolean | number | string | Coding | { value: number; unit: string } | { documentId: Id };
/** Keyed by linkId. A repeating item holds a list of answers, a repeating group a list of Responses. */
export interface Responses {
  [linkId: string]: Answer | Answer[] | Responses[];
}
/** The part of a FHIR R4 Questionnaire that the portal shows. */
export interface Questionnaire {
  resourceType: 'Questionnaire';
  url?: string;
  version?: string;
  title?: string;
  description?: string;
  item?: QuestionnaireItem[];
  extension?: unknown[];
}
export interface QuestionnaireItem {
  linkId: string;
  prefix?: string;
  text?: string;
  type:
    | 'group'
    | 'display'
    | 'boolean'
    | 'decimal'
    | 'integer'
    | 'date'
    | 'dateTime'
    | 'time'
    | 'string'
    | 'text'
    | 'url'
    | 'choice'
    | 'open-choice'
    | 'attachment'
    | 'reference'
    | 'quantity';
  required?: boolean;
  repeats?: boolean;
  readOnly?: boolean;
  maxLength?: number;
  enableWhen?: { question: string; operator: string; [answer: `answer${string}`]: unknown }[];
  enableBehavior?: 'all' | 'any';
  answerOption?: { valueCoding?: Coding; valueInteger?: number; valueString?: string; valueDate?: Day; valueTime?: Wall }[];
  initial?: { [value: `value${string}`]: unknown }[];
  extension?: { url: string; [value: `value${string}`]: unknown }[];
  item?: QuestionnaireItem[];
}
export interface FormDetail {
  form: FormItem;
  questionnaire: Questionnaire;
  templateVersion: string;
  responses: Responses;
  draftVersion: number;
  attestationText: string;
  signers: { role: string; name?: string; signedAt?: Instant }[];
  submission?: { submissionId: Id; submittedAt: Instant; pdfUrl: string; sha256: string };
}
export interface DraftSaved {
  draftVersion: number;
  savedAt: Instant;
}
export interface FormSubmission {
  responses: Responses;
  signature?: string | { typed: string };
  signatureDate?: string;
  attestation: boolean;
}
export interface FormSubmitted {
  submissionId: Id;
  submittedAt: Instant;
  status: 'COMPLETED';
  sha256: string;
  pdfUrl: string;
}

// Money

export type PaymentStatus =
  | 'pending'
  | 'processing'
  | 'requires_action'
  | 'succeeded'
  | 'failed'
  | 'refunded'
  | 'partially_refunded'
  | 'disputed';
export interface Payment {
  id: Id;
  invoiceIds: Id[];
  amountCents: Cents;
  refundedCents: Cents;
  currency: string;
  status: PaymentStatus;
  method: { kind: 'card' | 'bank' | 'cash' | 'credit' | 'external' | 'test'; brand?: string; last4?: string };
  failureMessage?: string;
  createdAt: Instant;
  paidAt?: Instant;
  receiptUrl?: string;
}
export interface PaymentList {
  payments: Payment[];
  pagination: Page;
}
export interface InvoiceItem {
  id: Id;
  description: string;
  quantity: number;
  unitCents: Cents;
  totalCents: Cents;
  serviceId?: Id;
  appointmentId?: Id;
}
export interface Invoice {
  id: Id;
  number: string;
  status: 'draft' | 'open' | 'partially_paid' | 'paid' | 'void' | 'refunded';
  issuedOn: Day;
  dueOn: Day;
  currency: string;
  subtotalCents: Cents;
  discountCents: Cents;
  taxCents: Cents;
  totalCents: Cents;
  paidCents: Cents;
  balanceCents: Cents;
  items: InvoiceItem[];
  payments: Payment[];
}
export interface InvoiceList {
  invoices: Invoice[];
  balanceCents: Cents;
  pagination: Page;
}
export interface PaymentMethod {
  id: Id;
  brand: string;
  last4: string;
  expMonth: number;
  expYear: number;
  isDefault: boolean;
  mandateAcceptedAt: Instant;
}
export interface IntentRequest {
  invoiceId?: Id;
  invoiceIds?: Id[];
  amountCents?: Cents;
  paymentMethodId?: Id;
  saveMethod?: boolean;
}
export interface Intent {
  paymentId: Id;
  processor: 'stripe' | 'test';
  paymentIntentId: string;
  clientSecret: string;
  amountCents: Cents;
  currency: string;
  status: 'requires_payment_method' | 'requires_confirmation' | 'requires_action' | 'processing' | 'succeeded' | 'canceled';
}
export type TestOutcome = 'succeed' | 'decline' | 'challenge' | 'dispute';

// Notifications, realtime, profile

export type NotificationType =
  | 'appointment_requested'
  | 'appointment_confirmed'
  | 'appointment_declined'
  | 'appointment_changed'
  | 'appointment_cancelled'
  | 'appointment_reminder'
  | 'waitlist_offer'
  | 'room_ready'
  | 'form_assigned'
  | 'form_reminder'
  | 'form_completed'
  | 'new_message'
  | 'document_shared'
  | 'invoice_issued'
  | 'payment_received'
  | 'payment_failed'
  | 'security_notice'
  | 'consent_renewal';
export interface Notification {
  id: Id;
  type: NotificationType;
  title: string;
  message: string;
  /** A path in the portal. */
  link: string;
  priority: 'low' | 'normal' | 'high' | 'urgent';
  read: boolean;
  readAt?: Instant;
  dismissed: boolean;
  clientId: Id;
  createdAt: Instant;
  expiresAt?: Instant;
}
export interface NotificationList {
  notifications: Notification[];
  unreadCount: number;
  pagination: Page;
}
export interface NotificationPreferences {
  channels: { email: boolean; sms: boolean; push: boolean };
  byType: Partial<Record<NotificationType, { inApp: boolean; email: boolean; sms: boolean; push: boolean }>>;
  quietHours?: { from: Wall; to: Wall; timeZone: string };
  digest: 'off' | 'daily';
  language: string;
}
/** What a save sends; null ends the quiet hours. */
export type PreferencesChange = Partial<Omit<NotificationPreferences, 'quietHours'>> & { quietHours?: NotificationPreferences['quietHours'] | null };
export interface PortalEvent {
  type: 'create' | 'update' | 'delete';
  collection: string;
  id: Id;
  clientId: Id;
  at: Instant;
}
export interface Profile {
  clientId: Id;
  firstName: string;
  lastName: string;
  email: string;
  dateOfBirth: Day;
  preferredName?: string;
  pronouns?: string;
  gender?: string;
  phone?: string;
  phoneVerified: boolean;
  address?: Address;
  emergencyContact?: { name: string; relationship: string; phone: string };
  preferredLocationId?: Id;
  preferredPractitionerId?: Id;
  avatarUrl?: string;
  smsOptIn: boolean;
  marketingOptIn: boolean;
  language: string;
  timeZone: string;
  creditBalanceCents: Cents;
  version: string;
}
