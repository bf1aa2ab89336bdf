package audit

import "strings"

// Action is what was done, in the words of the portal specification (upper case). A write through the model hooks is named
// after its collection, CREATE_APPOINTMENT and so on, unless the handler gave it one of these names with As.
type Action string

// Signing in and out, and what belongs to an account.
const (
	Login              Action = "LOGIN"
	Logout             Action = "LOGOUT"
	Register           Action = "REGISTER"
	VerifyEmail        Action = "VERIFY_EMAIL"
	ResendVerification Action = "RESEND_VERIFICATION"
	ForgotPassword     Action = "FORGOT_PASSWORD"
	ResetPassword      Action = "RESET_PASSWORD"
	ChangePassword     Action = "CHANGE_PASSWORD"
	RefreshToken       Action = "REFRESH_TOKEN"
	ReuseOfToken       Action = "REFRESH_TOKEN_REUSED"
	AccountLocked      Action = "ACCOUNT_LOCKED"
	AccountUnlocked    Action = "ACCOUNT_UNLOCKED"
	ViewSession        Action = "VIEW_SESSION"
	ListSessions       Action = "LIST_SESSIONS"
	Reauthenticate     Action = "REAUTHENTICATE"
	RememberDevice     Action = "REMEMBER_DEVICE"
	ForgetDevice       Action = "FORGET_DEVICE"
	UseRecoveryCode    Action = "USE_RECOVERY_CODE"
	LinkSignIn         Action = "LINK_SIGN_IN"
	UnlinkSignIn       Action = "UNLINK_SIGN_IN"
	ViewAccountHistory Action = "VIEW_ACCOUNT_HISTORY"
	AskChangeOfEmail   Action = "ASK_CHANGE_EMAIL"
	CancelEmailChange  Action = "CANCEL_CHANGE_EMAIL"
	ChangeEmail        Action = "CHANGE_EMAIL"
	CloseAccount       Action = "CLOSE_ACCOUNT"
	ViewMFA            Action = "VIEW_MFA"
	SetUpMFA           Action = "SET_UP_MFA"
	EnableMFA          Action = "ENABLE_MFA"
	DisableMFA         Action = "DISABLE_MFA"
	RenewRecoveryCodes Action = "RENEW_RECOVERY_CODES"
	RevokeSession      Action = "REVOKE_SESSION"
	ListPasskeys       Action = "LIST_PASSKEYS"
	AddPasskey         Action = "ADD_PASSKEY"
	RenamePasskey      Action = "RENAME_PASSKEY"
	RemovePasskey      Action = "REMOVE_PASSKEY"
	PasskeyCloned      Action = "PASSKEY_CLONED"
)

// Invitations, access for others, and what the desk does to accounts.
const (
	Invite              Action = "INVITE"
	ResendInvitation    Action = "RESEND_INVITATION"
	RevokeInvitation    Action = "REVOKE_INVITATION"
	AcceptInvitation    Action = "ACCEPT_INVITATION"
	GuessInvitation     Action = "INVITATION_DATE_WRONG" // a wrong birth date was counted
	ListInvitations     Action = "LIST_INVITATIONS"
	ListAccess          Action = "LIST_ACCESS"
	EndAccess           Action = "END_ACCESS"
	ListAccounts        Action = "LIST_PORTAL_USERS"
	SuspendAccount      Action = "SUSPEND_ACCOUNT"
	ResumeAccount       Action = "RESUME_ACCOUNT"
	ForcePasswordChange Action = "FORCE_PASSWORD_CHANGE"
	SignOutEverywhere   Action = "SIGN_OUT_EVERYWHERE"
	ResetFactors        Action = "RESET_FACTORS"
)

// Appointments.
const (
	ListAppointments   Action = "LIST_APPOINTMENTS"
	ListAvailability   Action = "LIST_AVAILABILITY"
	ViewAppointment    Action = "VIEW_APPOINTMENT"
	CreateAppointment  Action = "CREATE_APPOINTMENT"
	RequestAppointment Action = "REQUEST_APPOINTMENT"
	ConfirmAppointment Action = "CONFIRM_APPOINTMENT"
	DeclineAppointment Action = "DECLINE_APPOINTMENT"
	UpdateAppointment  Action = "UPDATE_APPOINTMENT"
	CancelAppointment  Action = "CANCEL_APPOINTMENT"

	RescheduleAppointment  Action = "RESCHEDULE_APPOINTMENT"
	CheckIn                Action = "CHECK_IN"
	RoomReady              Action = "ROOM_READY"
	StartVisit             Action = "START_VISIT"
	CompleteVisit          Action = "COMPLETE_VISIT"
	MarkNoShow             Action = "MARK_NO_SHOW"
	ViewAppointmentHistory Action = "VIEW_APPOINTMENT_HISTORY"

	ListRequests    Action = "LIST_REQUESTS"
	ViewDay         Action = "VIEW_DAY"
	ViewCalendar    Action = "VIEW_CALENDAR"
	ListZoneChanges Action = "LIST_ZONE_CHANGES"

	RemindAppointment  Action = "REMIND_APPOINTMENT"
	ListCalendarFeeds  Action = "LIST_CALENDAR_FEEDS"
	CreateCalendarFeed Action = "CREATE_CALENDAR_FEED"
	RevokeCalendarFeed Action = "REVOKE_CALENDAR_FEED"
)

// Waitlist and parties.
const (
	ListWaitlist      Action = "LIST_WAITLIST"
	JoinWaitlist      Action = "JOIN_WAITLIST"
	LeaveWaitlist     Action = "LEAVE_WAITLIST"
	ExpireWaitlist    Action = "EXPIRE_WAITLIST_ENTRY"
	OfferWaitlist     Action = "OFFER_WAITLIST_TIME"
	AcceptOffer       Action = "ACCEPT_WAITLIST_OFFER"
	EndOffer          Action = "END_WAITLIST_OFFER" // declined, taken back, or not answered in time
	ListGroupBookings Action = "LIST_GROUP_BOOKINGS"
	ViewGroupBooking  Action = "VIEW_GROUP_BOOKING"
	BookGroup         Action = "BOOK_GROUP"
	CancelGroup       Action = "CANCEL_GROUP_BOOKING"
)

// Forms.
const (
	ListForms       Action = "LIST_FORMS"
	ViewForm        Action = "VIEW_FORM"
	SaveDraft       Action = "SAVE_FORM_DRAFT"
	SubmitForm      Action = "SUBMIT_FORM"
	DownloadFormPDF Action = "DOWNLOAD_FORM_PDF"
	AssignForm      Action = "ASSIGN_FORM"
	VerifyPDF       Action = "VERIFY_PDF"
)

// Reaching clients' records.
const (
	BreakGlass     Action = "BREAK_GLASS"
	EndBreakGlass  Action = "END_BREAK_GLASS"
	ListBreakGlass Action = "LIST_BREAK_GLASS"
	FindClients    Action = "FIND_CLIENTS"
	JoinCareTeam   Action = "JOIN_CARE_TEAM"
)

// Treatment notes.
const SignNote Action = "SIGN_TREATMENT_NOTE"

// Money.
const (
	ListInvoices     Action = "LIST_INVOICES"
	ViewInvoice      Action = "VIEW_INVOICE"
	ListPayments     Action = "LIST_PAYMENTS"
	CreatePayment    Action = "CREATE_PAYMENT"
	PaymentSucceeded Action = "PAYMENT_SUCCEEDED"
	PaymentFailed    Action = "PAYMENT_FAILED"
	RefundPayment    Action = "REFUND_PAYMENT"
	DownloadReceipt  Action = "DOWNLOAD_RECEIPT"
	StripeEvent      Action = "STRIPE_EVENT"
)

// Profile, messages, documents, photos, notifications. ViewPHI and UpdatePHI are the clinic backend specification's general words,
// for what has none of its own.
const (
	ViewProfile         Action = "VIEW_PROFILE"
	UpdateProfile       Action = "UPDATE_PROFILE"
	SendPhoneCode       Action = "SEND_PHONE_CODE"
	VerifyPhone         Action = "VERIFY_PHONE"
	ViewMedicalHistory  Action = "VIEW_MEDICAL_HISTORY"
	ListNotifications   Action = "LIST_NOTIFICATIONS"
	ReadNotification    Action = "READ_NOTIFICATION"
	DismissNotification Action = "DISMISS_NOTIFICATION"
	ViewNoticeChoices   Action = "VIEW_NOTIFICATION_PREFERENCES"
	UpdateNoticeChoices Action = "UPDATE_NOTIFICATION_PREFERENCES"
	ListMessages        Action = "LIST_MESSAGES"
	ViewMessage         Action = "VIEW_MESSAGE"
	SendMessage         Action = "SEND_MESSAGE"
	ListDocuments       Action = "LIST_DOCUMENTS"
	ViewDocument        Action = "VIEW_DOCUMENT"
	DownloadDocument    Action = "DOWNLOAD_DOCUMENT"
	UploadPhoto         Action = "UPLOAD_PHOTO"
	DownloadPhoto       Action = "DOWNLOAD_PHOTO"
	RemovePhoto         Action = "REMOVE_PHOTO"
	ViewPHI             Action = "VIEW_PHI"
	UpdatePHI           Action = "UPDATE_PHI"
)

// The log itself: who searched, checked and copied it, and the line of what nobody else wrote down.
const (
	SearchAuditLog Action = "SEARCH_AUDIT_LOG"
	ViewAuditHead  Action = "VIEW_AUDIT_HEAD"
	VerifyAuditLog Action = "VERIFY_AUDIT_LOG"
	AuditLogBroken Action = "AUDIT_LOG_BROKEN"
	ExportAudit    Action = "EXPORT_AUDIT"
	ViewAccessLog  Action = "VIEW_ACCESS_LOG"
	OwnerRequest   Action = "OWNER_REQUEST"
	StaffRequest   Action = "STAFF_REQUEST"
	ClientRequest  Action = "CLIENT_REQUEST"
)

// The server: PocketBase's settings, backups and logs.
const (
	ViewSettings       Action = "VIEW_SETTINGS"
	ChangeSettings     Action = "CHANGE_SETTINGS"
	TestStorage        Action = "TEST_STORAGE"
	SendTestMail       Action = "SEND_TEST_MAIL"
	MakeClientSecret   Action = "MAKE_CLIENT_SECRET"
	ListBackups        Action = "LIST_BACKUPS"
	CreateBackup       Action = "CREATE_BACKUP"
	DownloadBackup     Action = "DOWNLOAD_BACKUP"
	DeleteBackup       Action = "DELETE_BACKUP"
	ViewServerLog      Action = "VIEW_SERVER_LOG"
	ListCrons          Action = "LIST_CRONS"
	RunCron            Action = "RUN_CRON"
	IssueFileToken     Action = "ISSUE_FILE_TOKEN"
	SchemaChanged      Action = "SCHEMA_CHANGED"
	ExportFormTemplate Action = "EXPORT_FORM_TEMPLATE"
)

// Files that somebody gave the clinic.
const (
	UploadFile   Action = "UPLOAD_FILE"
	ListFiles    Action = "LIST_FILES"
	DownloadFile Action = "DOWNLOAD_FILE"
	ReleaseFile  Action = "RELEASE_FILE"
	BlockFile    Action = "BLOCK_FILE"   // by somebody of the staff
	FileBlocked  Action = "FILE_BLOCKED" // by the scanner
	FileCleared  Action = "FILE_CLEARED" // by the scanner
	RemoveFile   Action = "REMOVE_FILE"
)

// Subscribe opens a live view of a collection in the dashboard.
const Subscribe Action = "SUBSCRIBE"

// What the operator does to the data keys.
const (
	RotateKeys      Action = "ROTATE_KEYS"
	RotateClinicKey Action = "ROTATE_CLINIC_KEY"
	DestroyKey      Action = "DESTROY_KEY"
)

// RunCommand is a command of the program that may write, or hands out records. The details name the command, never its
// arguments.
const RunCommand Action = "RUN_COMMAND"

// Refusal is a request that was turned away and has no action of its own.
const Refusal Action = "ACCESS_REFUSED"

// Resource types, as the portal specification names them.
const (
	Appointment  = "APPOINTMENT"
	AuditLog     = "AUDIT_LOG"
	CalendarFeed = "CALENDAR_FEED"
	Client       = "CLIENT"
	CommandRun   = "COMMAND"
	Document     = "DOCUMENT"
	File         = "FILE"
	Form         = "FORM"
	GroupBooking = "GROUP_BOOKING"
	Invitation   = "INVITATION"
	Invoice      = "INVOICE"
	Key          = "KEY"
	Message      = "MESSAGE"
	Notification = "NOTIFICATION"
	Payment      = "PAYMENT"
	PortalUser   = "PORTAL_USER"
	Session      = "SESSION"
	Staff        = "STAFF"
	Waitlist     = "WAITLIST_ENTRY"
)

// resourceTypes names the collections whose type is not simply their name in capitals.
var resourceTypes = map[string]string{
	"appointments":         Appointment,
	"appointment_history":  "APPOINTMENT_HISTORY",
	"calendar_feeds":       CalendarFeed,
	"clients":              Client,
	"client_access":        "CLIENT_ACCESS",
	"clinicians":           "CLINICIAN",
	"form_pdfs":            "FORM_PDF",
	"form_submissions":     "FORM_SUBMISSION",
	"form_templates":       "FORM_TEMPLATE",
	"group_bookings":       GroupBooking,
	"invitations":          Invitation,
	"invoice_items":        "INVOICE_ITEM",
	"invoices":             Invoice,
	"locations":            "LOCATION",
	"packages":             "PACKAGE",
	"payments":             Payment,
	"portal_documents":     Document,
	"portal_forms":         Form,
	"portal_messages":      Message,
	"portal_notifications": Notification,
	"portal_sessions":      Session,
	"portal_users":         PortalUser,
	"rooms":                "ROOM",
	"services":             "SERVICE",
	"staff":                Staff,
	"staff_notifications":  "STAFF_NOTIFICATION",
	"stripe_events":        "STRIPE_EVENT",
	"uploads":              File,
	"waitlist_entries":     Waitlist,
	"_superusers":          "OWNER",
}

// ResourceType is the type of a collection's records.
func ResourceType(collection string) string {
	if t, ok := resourceTypes[collection]; ok {
		return t
	}
	return strings.ToUpper(strings.TrimLeft(collection, "_"))
}
