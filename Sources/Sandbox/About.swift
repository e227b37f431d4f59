// Sandbox plays everything that stands around the program: Alipay's gateway with a truth of its own, Alipay's notifier with
// its redelivery schedule, an embedded PostgreSQL, and the independent check that what was settled is what was paid.
// It may import Alipay (keys, amounts, charsets) and Postgres, never Settlement or Web, so that a mistake there cannot excuse
// itself here: strings to sign, form bodies and answers are built a second time in this folder, from the documents alone.
// TOP has Taobao's platform for withholding, likewise. Start reading at Scenario (what will happen), then GatewaySimulator and NotificationSender (who does it), then Witness.
