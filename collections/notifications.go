package collections

// Notifications is the name of the collection.
const Notifications = "portal_notifications"

// NotificationType says what a notification is about; the page chooses its icon by it.
type NotificationType string

const (
	NoticeAppointmentRequested NotificationType = "appointment_requested"
	NoticeAppointmentConfirmed NotificationType = "appointment_confirmed"
	NoticeAppointmentDeclined  NotificationType = "appointment_declined"
	NoticeAppointmentChanged   NotificationType = "appointment_changed"
	NoticeAppointmentCancelled NotificationType = "appointment_cancelled"
	NoticeRoomReady            NotificationType = "room_ready"
	NoticeFormAssigned         NotificationType = "form_assigned"
	NoticeFormCompleted        NotificationType = "form_completed"
	NoticeInvoiceIssued        NotificationType = "invoice_issued"
	NoticePaymentReceived      NotificationType = "payment_received"
	NoticePaymentFailed        NotificationType = "payment_failed"
	NoticeSecurity             NotificationType = "security_notice"
)

// Priorities of a notification.
const (
	PriorityLow    = "low"
	PriorityNormal = "normal"
	PriorityHigh   = "high"
	PriorityUrgent = "urgent"
)
