package hooks_test

func moneyRules() []rule  { return nil }
func recordRules() []rule { return nil }
func accessRules() []rule { return nil }
