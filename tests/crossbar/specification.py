"""The crossbar's arithmetic with the encodings there are, in loops of Python integers."""


def adc(column_sum, spec, step):
    if spec.adc_bits is None:
        return column_sum
    half = step if spec.adc_rounding == "half_up" else 0
    code = step * min((2 * abs(column_sum) + half) // (2 * step), 2**spec.adc_bits - 1)
    return code if column_sum >= 0 else -code


def digits_of(value, spec):
    """(level, worth) pairs whose sum of products is the value; a bias of signed multi-bit inputs is left in."""
    if spec.signed_inputs:
        value += 2 ** (spec.input_bits - 1) if spec.dac_bits > 1 else 2**spec.input_bits * (value < 0)
    base = 2**spec.dac_bits
    levels = [(value // base**d % base, base**d) for d in range(spec.digits)]
    if spec.signed_inputs and spec.dac_bits == 1:
        levels[-1] = (levels[-1][0], -levels[-1][1])
    return levels


def column(inputs, weights, spec, steps):
    """One output: `inputs` and `weights` are lists of one row group, `steps` those of the slices."""
    top, offset = 2**spec.cell_bits - 1, 2 ** (spec.weight_bits - 1)
    whole = spec.cells_per_weight
    halves = [(1, [w + offset for w in weights], whole)]
    if spec.sign == "pair":
        halves = [(1, [max(w, 0) for w in weights], whole), (-1, [max(-w, 0) for w in weights], whole)]
    if spec.sign == "pair_arrays":
        halves = [(1, weights, whole)]
    if spec.sign == "twos_complement":
        lower = -(-(spec.weight_bits - 1) // spec.cell_bits)
        halves = [(1, [w % offset for w in weights], lower), (-offset, [1 if w < 0 else 0 for w in weights], 1)]
    threshold = 2 ** ((spec.rows_per_read * top * (2 ** min(spec.dac_bits, spec.input_bits) - 1)).bit_length() - 1)
    total = 0
    for d in range(spec.digits):
        levels = [digits_of(x, spec)[d][0] for x in inputs]
        worth = digits_of(inputs[0], spec)[d][1]
        first = 0
        for factor, half, slices in halves:
            for s in range(slices):
                step = steps[first + s] if steps else spec.adc_step
                cells = [(abs(w) >> spec.cell_bits * s & top) * (1 if w >= 0 else -1) for w in half]
                if spec.sign == "offset" and sum(cells) * (2 ** min(spec.dac_bits, spec.input_bits) - 1) >= threshold:
                    read = top * sum(levels) - adc(
                        sum(x * (top - c) for x, c in zip(levels, cells, strict=True)), spec, step
                    )
                else:
                    read = adc(sum(x * c for x, c in zip(levels, cells, strict=True)), spec, step)
                total += factor * worth * 2 ** (spec.cell_bits * s) * read
            first += slices
        if spec.sign in ("offset", "offset_unflipped"):
            total -= worth * offset * sum(levels)
    if spec.signed_inputs and spec.dac_bits > 1:
        total -= 2 ** (spec.input_bits - 1) * sum(weights)
    return total


def binary_column(inputs, weights, spec, steps):
    """As `column`, counting the inputs that have the sign of their weight."""
    matches = sum(x * w > 0 for x, w in zip(inputs, weights, strict=True))
    return 2 * adc(matches, spec, steps[0] if steps else spec.adc_step) - sum(map(abs, inputs))


def specified_product(inputs, weights, spec, steps=None):
    """`inputs` (vectors x rows) and `weights` (rows x outputs) as nested lists of integers."""
    groups = [
        range(start, min(start + spec.rows_per_read, block + spec.rows, len(weights)))
        for block in range(0, len(weights), spec.rows)
        for start in range(block, min(block + spec.rows, len(weights)), spec.rows_per_read)
    ]
    one = binary_column if spec.sign == "binary" else column
    return [
        [
            sum(one([vector[r] for r in rows], [weights[r][n] for r in rows], spec, steps) for rows in groups)
            for n in range(len(weights[0]))
        ]
        for vector in inputs
    ]
