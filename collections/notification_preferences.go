package collections

import "encoding/json"

// NotificationPreferences are how a login wants to hear of things. What somebody has not chosen is as
// DefaultNotificationPreferences says.
type NotificationPreferences struct {
	Channels   Channels                       `json:"channels"`
	ByType     map[NotificationType]ByChannel `json:"byType"`
	QuietHours *QuietHours                    `json:"quietHours,omitempty"`
	Digest     string                         `json:"digest"`
}

// Channels are the ways out of the portal, whatever it is about.
type Channels struct {
	Email bool `json:"email"`
	SMS   bool `json:"sms"`
	Push  bool `json:"push"`
}

// ByChannel is how to hear of one type. A way that Channels closes is closed for every type.
type ByChannel struct {
	InApp bool `json:"inApp"`
	Email bool `json:"email"`
	SMS   bool `json:"sms"`
	Push  bool `json:"push"`
}

// QuietHours are a time of the clock in which nothing but the most urgent is sent. An end that is not after the
// beginning is on the next day.
type QuietHours struct {
	From     string `json:"from"` // HH:mm
	To       string `json:"to"`
	TimeZone string `json:"timeZone"` // IANA
}

// DigestOff is the only digest there is: each thing is told when it happens.
const DigestOff = "off"

// DefaultNotificationPreferences are those of a login that chose nothing: everything in the portal, by e-mail and, to
// clients who agreed to text messages, by those.
func DefaultNotificationPreferences() NotificationPreferences {
	p := NotificationPreferences{Channels: Channels{Email: true, SMS: true}, ByType: map[NotificationType]ByChannel{}, Digest: DigestOff}
	for _, t := range NotificationTypes() {
		p.ByType[t] = ByChannel{InApp: true, Email: true, SMS: true}
	}
	return p
}

// ParseNotificationPreferences reads the column over the defaults. What cannot be read is not chosen: nobody may miss
// a visit because of a broken setting.
func ParseNotificationPreferences(column string) NotificationPreferences {
	p := DefaultNotificationPreferences()
	if column == "" || column == "null" || json.Unmarshal([]byte(column), &p) != nil {
		return DefaultNotificationPreferences()
	}
	return p
}

// MustBeTold tells whether a type cannot be switched off: what happened to an account is told in the portal and by
// e-mail, or whoever took it over would switch that off first.
func (t NotificationType) MustBeTold() bool { return t == NoticeSecurity }

// InApp tells whether a type is told in the portal.
func (p NotificationPreferences) InApp(t NotificationType) bool {
	return t.MustBeTold() || p.ByType[t].InApp
}

// ByEmail tells whether a type is mailed.
func (p NotificationPreferences) ByEmail(t NotificationType) bool {
	return t.MustBeTold() || p.Channels.Email && p.ByType[t].Email
}

// BySMS tells whether a type is sent by text message, to clients who agreed to that.
func (p NotificationPreferences) BySMS(t NotificationType) bool {
	return p.Channels.SMS && p.ByType[t].SMS
}

// NotificationPreferences are the login's.
func (u *PortalUser) NotificationPreferences() NotificationPreferences {
	return ParseNotificationPreferences(u.GetString("notification_preferences"))
}
