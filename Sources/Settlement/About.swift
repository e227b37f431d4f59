// Settlement is the line itself: it takes verified notifications in, has the gateway confirm them, writes the ledger and
// numbers the feed. It may import Alipay and Taobao (the protocols), JobQueue and Postgres (where things are kept), and
// nothing that speaks HTTP to its own users. Start with Intake/Intake.swift and follow the folders in the order of the line:
// Intake → Confirm → Ledger → Feed; Gateways has what every call passes, Access the readers' tokens, Records what commands
// and pages look up. Withholding stands beside the line and ends in the same ledger; it starts with WithholdingHandler.swift.
// Expectations has what should come in and did not; it starts with ExpectationSweep.swift.
