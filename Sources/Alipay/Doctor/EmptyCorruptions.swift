// Values that are empty, and what frameworks make of them.

extension Corruption {
    static let nullText = Corruption(
        "null_text", "An empty value has become the word null.",
        do: "The message went through an object whose empty fields print as null. Verify the form body itself.")
    static let emptyAdded = Corruption(
        "empty_added", "There are empty parameters that were not sent.",
        do: """
            The message was read into an object and written out with all of its fields. Verify the form body itself: \
            an empty value counts, and an absent one does not.
            """)
}

enum EmptyCorruptions {
    static let repairs: [Repair<CapturedForm>] = [
        Repair(.nullText) { form in
            form.changing { isNull($0.value) ? [] : nil }
                + (form.parameters.contains { isNull($0.value) }
                    ? [without(form, isNull)] : [])
        },
        Repair(.emptyAdded) { form in
            let empty = form.parameters.indices.filter { form.parameters[$0].value.isEmpty }
            guard empty.count > 1 else { return [] }
            // All of them are what the rule of dropping empty values covers; one alone is an added parameter.
            return empty.map { kept in
                Variant(
                    form.without(Set(empty.filter { $0 != kept })),
                    places: empty.filter { $0 != kept }.map { form.parameters[$0].place }, isBroad: false)
            }
        },
    ]

    private static func isNull(_ value: [UInt8]) -> Bool {
        ["null", "NULL", "None", "nil", "undefined", "(null)"].contains { value.elementsEqual($0.utf8) }
    }

    private static func without(_ form: CapturedForm, _ leaves: ([UInt8]) -> Bool) -> Variant<CapturedForm> {
        let left = form.parameters.indices.filter { leaves(form.parameters[$0].value) }
        return Variant(form.without(Set(left)), places: left.map { form.parameters[$0].place }, isBroad: true)
    }
}
