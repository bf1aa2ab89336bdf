package collections

// Invitations is the name of the collection of mailed offers to act for a client.
const Invitations = "invitations"
