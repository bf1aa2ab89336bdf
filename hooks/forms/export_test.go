package forms

// What the tests of the clinic look at from outside.
var (
	OrderMissingDocuments = orderMissingDocuments
	HeardItem             = heardItem
)
