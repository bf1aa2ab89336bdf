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
	NoticeAppointmentReminder  NotificationType = "appointment_reminder"
	NoticeWaitlistOffer        NotificationType = "waitlist_offer"
	NoticeRoomReady            NotificationType = "room_ready"
	NoticeFormAssigned         NotificationType = "form_assigned"
	NoticeFormReminder         NotificationType = "form_reminder"
	NoticeFormCompleted        NotificationType = "form_completed"
	NoticeNewMessage           NotificationType = "new_message"
	NoticeDocumentShared       NotificationType = "document_shared"
	NoticeInvoiceIssued        NotificationType = "invoice_issued"
	NoticePaymentReceived      NotificationType = "payment_received"
	NoticePaymentFailed        NotificationType = "payment_failed"
	NoticeSecurity             NotificationType = "security_notice"
	NoticeConsentRenewal       NotificationType = "consent_renewal"
)

// NotificationTypes lists every type, in the order in which the settings show them.
func NotificationTypes() []NotificationType {
	return []NotificationType{NoticeAppointmentRequested, NoticeAppointmentConfirmed, NoticeAppointmentDeclined, NoticeAppointmentChanged,
		NoticeAppointmentCancelled, NoticeAppointmentReminder, NoticeWaitlistOffer, NoticeRoomReady, NoticeFormAssigned, NoticeFormReminder,
		NoticeFormCompleted, NoticeNewMessage, NoticeDocumentShared, NoticeInvoiceIssued, NoticePaymentReceived, NoticePaymentFailed,
		NoticeSecurity, NoticeConsentRenewal}
}

// Priorities of a notification.
const (
	PriorityLow    = "low"
	PriorityNormal = "normal"
	PriorityHigh   = "high"
	PriorityUrgent = "urgent"
)
