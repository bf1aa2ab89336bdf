/** Every address of the portal. Links use these, never a string of their own. */
export const paths = {
  root: '/',
  home: '/dashboard',
  login: '/login',
  register: '/register',
  verifyEmail: '/verify-email',
  forgotPassword: '/forgot-password',
  resetPassword: '/reset-password',
  signedOut: '/signed-out',
  signIn: '/sign-in',
  mailLink: '/sign-in/link',
  invitation: '/invitation',
  mustChangePassword: '/change-password',

  appointments: '/appointments',
  appointmentRequest: '/appointments/request',
  book: '/appointments/book',
  waitlist: '/appointments/waitlist',
  waitlistJoin: '/appointments/waitlist/join',
  groupBook: '/appointments/group',
  group: (id = ':id') => `/appointments/group/${id}`,
  appointment: (id = ':id') => `/appointments/${id}`,
  moveAppointment: (id = ':id') => `/appointments/${id}/move`,
  cancelAppointment: (id = ':id') => `/appointments/${id}/cancel`,

  forms: '/forms',
  form: (id = ':id') => `/forms/${id}`,

  payments: '/payments',
  invoice: (id = ':id') => `/payments/invoices/${id}`,

  notifications: '/notifications',
  profile: '/profile',
  accessLog: '/profile/access-log',

  security: '/settings/security',
  changePassword: '/settings/security/password',
  setUpFactor: (method = ':method') => `/settings/security/codes/${method}`,
  recoveryCodes: '/settings/security/recovery-codes',
  changeEmail: '/settings/security/email',
  closeAccount: '/settings/security/close',
  accountClosed: '/account-closed',

  calendar: '/settings/calendar',

  family: '/family',
  invite: '/family/invite',

  more: '/more',
} as const;
