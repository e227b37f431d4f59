// Web is everything that speaks HTTP to the program's own users: Alipay's notifier (Notify), billing systems and operators
// (API), and those who watch it (Health). It is the only target that imports the HTTP server; it may import Settlement and
// Telemetry and decides nothing about money. Start with Front.swift, which sends each request to its route.
