// Taobao is the protocol of the Taobao Open Platform (TOP), as far as withholding needs it: signed requests (Request), and
// answers in JSON, simplified JSON and XML with what each failure asks of us (Answer). It may import Wire and OpenSSL, no
// database and no server. TOP signs nothing of what it answers: its word is as good as the TLS connection that it came over.
// Start with TaobaoClient.swift.
