import ServiceLifecycle
import Synchronization
import Web

/// The program's listeners: one for notifications (and the API, unless that has its own) and one for metrics and health.
enum Listeners {
    static func services(
        _ house: House, _ http: HTTPSettings, roles: Line.Roles, listening: @escaping @Sendable (Line.Addresses) -> Void
    ) throws -> [any Service] {
        // Metrics and health stay plain: they are for this machine, or for a network that is trusted with them.
        let tls = try http.tls?.load()
        let bound = Bound(listening)
        var services: [any Service] = []
        var expected: Set<Room> = [.admin]
        if roles.contains(.serve) {
            expected.insert(.notify)
            var rooms: Front.Rooms = .notify
            if let api = http.apiListen {
                expected.insert(.api)
                services.append(
                    try house.listener(host: api.host, port: api.port, rooms: .api, tls: tls) { port in
                        bound.note(.api, host: api.host, port: port)
                    })
            } else {
                rooms.insert(.api)
            }
            services.append(
                try house.listener(
                    host: http.listen.host, port: http.listen.port, rooms: rooms, tls: tls
                ) { port in
                    bound.note(.notify, host: http.listen.host, port: port)
                })
        }
        services.append(
            try house.listener(host: http.adminListen.host, port: http.adminListen.port, rooms: .admin) { port in
                bound.note(.admin, host: http.adminListen.host, port: port)
            })
        bound.expect(expected)
        return services
    }

    enum Room: Hashable {
        case notify, api, admin
    }

    /// Gathers the addresses until all that are expected are there.
    private final class Bound: Sendable {
        private struct State {
            var expected: Set<Room> = []
            var found: [Room: String] = [:]
        }
        private let state = Mutex(State())
        private let listening: @Sendable (Line.Addresses) -> Void

        init(_ listening: @escaping @Sendable (Line.Addresses) -> Void) { self.listening = listening }

        func expect(_ rooms: Set<Room>) { state.withLock { $0.expected = rooms } }

        func note(_ room: Room, host: String, port: Int) {
            let text = ListenAddress(host: host, port: port).description
            let complete = state.withLock { state -> [Room: String]? in
                state.found[room] = text
                return state.expected.isSubset(of: state.found.keys) ? state.found : nil
            }
            guard let complete else { return }
            listening(
                Line.Addresses(
                    notify: complete[.notify], api: complete[.api] ?? complete[.notify], admin: complete[.admin] ?? text
                ))
        }
    }
}
