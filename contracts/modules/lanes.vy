# pragma version 0.4.3
"""
@title Lanes
@notice Arithmetic on many small integers at once that stand side by side in one 256-bit word.
@dev A word of packed integers a_0, a_1, ... in lanes of s bits stands for the one integer Σ a_i · 2^(s·i), modulo 2^256.
     The a_i may be negative: the sum is the same, and only reading a lane needs care.

     A dot product is one multiplication. The product of two such words is Σ_c p_c · 2^(s·c) with p_c = Σ_i a_i · b_(c-i);
     with n lanes, p_(n-1) is the dot product of one with the other in reverse order. If every |p_c| is below 2^(s-1), what
     stands below p_(n-1) is less than half of its unit, so adding that half and cutting it off leaves p_(n-1) exactly.
     Products can be added up before, as long as that holds for the sums.

     Every unsafe operation here is meant modulo 2^256, or proved where it stands.
"""

# the sign bits of 32 lanes of 8 bits, and of 16 lanes of 16 bits: flipping them turns two's complement into offset binary
# (value + 128, value + 32,768) and back
SIGNS_8: constant(uint256) = max_value(uint256) // (2**8 - 1) * 2**7
SIGNS_16: constant(uint256) = max_value(uint256) // (2**16 - 1) * 2**15
# 1 in each of 16 lanes of 16 bits, and the lower byte of each
ONES_16: constant(uint256) = max_value(uint256) // (2**16 - 1)
BYTES_16: constant(uint256) = ONES_16 * (2**8 - 1)
OFFSET_8_16: constant(uint256) = ONES_16 * 2**7
# 1 in each of 8 lanes of 32 bits, and the lowest 8 and 16 bits of each
ONES: constant(uint256) = max_value(uint256) // (2**32 - 1)
BYTES: constant(uint256) = ONES * (2**8 - 1)
HALVES: constant(uint256) = ONES * (2**16 - 1)
OFFSET_8: constant(uint256) = ONES * 2**7
OFFSET_16: constant(uint256) = ONES * 2**15
# every other lane of 64 and of 32 bits
LOWER_64: constant(uint256) = max_value(uint256) // (2**128 - 1) * (2**64 - 1)
LOWER_32: constant(uint256) = max_value(uint256) // (2**64 - 1) * (2**32 - 1)

# what the dot products have too much: none of them is that far below 0
DOT_ZERO: constant(uint256) = 2**31
ROUND: constant(uint256) = 2**255 + 2**223  # `DOT_ZERO` in the highest lane, and half of the unit of that lane

# for `_moved`: no lane can reach or leave it, and its bit is above those that a lane in range may use
MOVE_ZERO: constant(uint256) = 2**31
SPILT: constant(uint256) = ONES * (2**31 - 2**16)

# 1 in each of 10 lanes of 24 bits, and of 5 lanes of 48 bits
ONES_24: constant(uint256) = (2**240 - 1) // (2**24 - 1)
ONES_48: constant(uint256) = (2**240 - 1) // (2**48 - 1)
SIGNS_24: constant(uint256) = ONES_24 * 2**23
BYTES_24: constant(uint256) = ONES_24 * (2**8 - 1)
OFFSET_8_24: constant(uint256) = ONES_24 * 2**7
BYTES_48: constant(uint256) = ONES_48 * (2**8 - 1)
OFFSET_8_48: constant(uint256) = ONES_48 * 2**7
SUMS_48: constant(uint256) = ONES_48 * (2**24 - 1)
OFFSET_24_48: constant(uint256) = ONES_48 * 2**23
# 2^47 less the 128 that each value in offset binary counts too much; and the bits that a lane then may not use
ADD_ZEROS: constant(uint256) = ONES_48 * (2**47 - 2**7)
ADD_SPILT: constant(uint256) = ONES_48 * (2**47 - 2**24)


# ---- dot products ---------------------------------------------------------------------------------------------------
# Taking every fourth byte of a block x of 32 values, from the k-th lowest on, gives 8 lanes of 32 bits with the values
# 31 - 4·L - k in lane L; in reverse order, 4·L + 3 - k. Weights stand in that reverse order, so no sorting is needed: 32 weights
# of 16 bits take two words, of which lane L (of 32 bits, from its highest bits) of the first holds the weights 4·L and 4·L + 2,
# and that of the second 4·L + 1 and 4·L + 3. All values are in offset binary.

@internal
@pure
def _dot(x: uint256, v: uint256, w: uint256) -> uint256:
    """
    @notice Σ x_f · w_f over 32 features, and `DOT_ZERO`. Exact: no |p_c| is above 32 · 2^7 · 2^15 = 2^27.
    """
    return unsafe_add(
        unsafe_add(
            unsafe_add(
                unsafe_mul(unsafe_sub(x & BYTES, OFFSET_8), unsafe_sub(w & HALVES, OFFSET_16)),
                unsafe_mul(unsafe_sub((x >> 8) & BYTES, OFFSET_8), unsafe_sub(v & HALVES, OFFSET_16)),
            ),
            unsafe_add(
                unsafe_mul(unsafe_sub((x >> 16) & BYTES, OFFSET_8), unsafe_sub((w >> 16) & HALVES, OFFSET_16)),
                unsafe_mul(unsafe_sub((x >> 24) & BYTES, OFFSET_8), unsafe_sub((v >> 16) & HALVES, OFFSET_16)),
            ),
        ),
        ROUND,
    ) >> 224


@internal
@pure
def _dot_4(
    x0: uint256,
    x1: uint256,
    x2: uint256,
    x3: uint256,
    v0: uint256,
    w0: uint256,
    v1: uint256,
    w1: uint256,
    v2: uint256,
    w2: uint256,
    v3: uint256,
    w3: uint256,
) -> uint256:
    """
    @notice The same over four blocks, 128 features. Exact: no |p_c| is above 2^29.
    """
    return unsafe_add(
        # unrolled: dot_4
        unsafe_add(
            unsafe_add(
                unsafe_add(
                    unsafe_add(
                        unsafe_mul(unsafe_sub(x0 & BYTES, OFFSET_8), unsafe_sub(w0 & HALVES, OFFSET_16)),
                        unsafe_mul(unsafe_sub((x0 >> 8) & BYTES, OFFSET_8), unsafe_sub(v0 & HALVES, OFFSET_16)),
                    ),
                    unsafe_add(
                        unsafe_mul(unsafe_sub((x0 >> 16) & BYTES, OFFSET_8), unsafe_sub((w0 >> 16) & HALVES, OFFSET_16)),
                        unsafe_mul(unsafe_sub((x0 >> 24) & BYTES, OFFSET_8), unsafe_sub((v0 >> 16) & HALVES, OFFSET_16)),
                    ),
                ),
                unsafe_add(
                    unsafe_add(
                        unsafe_mul(unsafe_sub(x1 & BYTES, OFFSET_8), unsafe_sub(w1 & HALVES, OFFSET_16)),
                        unsafe_mul(unsafe_sub((x1 >> 8) & BYTES, OFFSET_8), unsafe_sub(v1 & HALVES, OFFSET_16)),
                    ),
                    unsafe_add(
                        unsafe_mul(unsafe_sub((x1 >> 16) & BYTES, OFFSET_8), unsafe_sub((w1 >> 16) & HALVES, OFFSET_16)),
                        unsafe_mul(unsafe_sub((x1 >> 24) & BYTES, OFFSET_8), unsafe_sub((v1 >> 16) & HALVES, OFFSET_16)),
                    ),
                ),
            ),
            unsafe_add(
                unsafe_add(
                    unsafe_add(
                        unsafe_mul(unsafe_sub(x2 & BYTES, OFFSET_8), unsafe_sub(w2 & HALVES, OFFSET_16)),
                        unsafe_mul(unsafe_sub((x2 >> 8) & BYTES, OFFSET_8), unsafe_sub(v2 & HALVES, OFFSET_16)),
                    ),
                    unsafe_add(
                        unsafe_mul(unsafe_sub((x2 >> 16) & BYTES, OFFSET_8), unsafe_sub((w2 >> 16) & HALVES, OFFSET_16)),
                        unsafe_mul(unsafe_sub((x2 >> 24) & BYTES, OFFSET_8), unsafe_sub((v2 >> 16) & HALVES, OFFSET_16)),
                    ),
                ),
                unsafe_add(
                    unsafe_add(
                        unsafe_mul(unsafe_sub(x3 & BYTES, OFFSET_8), unsafe_sub(w3 & HALVES, OFFSET_16)),
                        unsafe_mul(unsafe_sub((x3 >> 8) & BYTES, OFFSET_8), unsafe_sub(v3 & HALVES, OFFSET_16)),
                    ),
                    unsafe_add(
                        unsafe_mul(unsafe_sub((x3 >> 16) & BYTES, OFFSET_8), unsafe_sub((w3 >> 16) & HALVES, OFFSET_16)),
                        unsafe_mul(unsafe_sub((x3 >> 24) & BYTES, OFFSET_8), unsafe_sub((v3 >> 16) & HALVES, OFFSET_16)),
                    ),
                ),
            ),
        ),
        # end
        ROUND,
    ) >> 224


@internal
@pure
def _dot_half(x: uint256, w: uint256) -> uint256:
    """
    @notice Σ x_f · w_f over 16 features as `_spread_half` sorts them, and `DOT_ZERO`.
    """
    return unsafe_add(
        unsafe_add(
            unsafe_mul(unsafe_sub(x & BYTES, OFFSET_8), unsafe_sub(w & HALVES, OFFSET_16)),
            unsafe_mul(unsafe_sub((x >> 16) & BYTES, OFFSET_8), unsafe_sub((w >> 16) & HALVES, OFFSET_16)),
        ),
        ROUND,
    ) >> 224


@internal
@pure
def _spread_half(x: uint256) -> uint256:
    """
    @notice 16 values of 8 bits in the lower bytes of 16 lanes of 16 bits, from the highest on: the even ones, then the odd ones.
            The upper bytes hold others.
    @param x The values in the highest bits, the first highest; zeros behind them.
    """
    return (x >> 8) | (x >> 128)


@internal
@pure
def _reversed(x: uint256) -> uint256:
    """
    @notice The 8 lanes of 32 bits in reverse order.
    """
    y: uint256 = (x << 128) | (x >> 128)
    y = ((y & LOWER_64) << 64) | ((y >> 64) & LOWER_64)
    return ((y & LOWER_32) << 32) | ((y >> 32) & LOWER_32)


@internal
@pure
def _squares(x: uint256, y: uint256) -> uint256:
    """
    @notice Σ x_f² over 32 values of 8 bits in offset binary. Exact: no |p_c| is above 32 · 2^14 = 2^19.
    @param y `_reversed(x)`.
    """
    return unsafe_add(
        unsafe_add(
            unsafe_add(
                unsafe_mul(unsafe_sub(x & BYTES, OFFSET_8), unsafe_sub(y & BYTES, OFFSET_8)),
                unsafe_mul(unsafe_sub((x >> 8) & BYTES, OFFSET_8), unsafe_sub((y >> 8) & BYTES, OFFSET_8)),
            ),
            unsafe_add(
                unsafe_mul(unsafe_sub((x >> 16) & BYTES, OFFSET_8), unsafe_sub((y >> 16) & BYTES, OFFSET_8)),
                unsafe_mul(unsafe_sub((x >> 24) & BYTES, OFFSET_8), unsafe_sub((y >> 24) & BYTES, OFFSET_8)),
            ),
        ),
        2**223,
    ) >> 224


# ---- moving ---------------------------------------------------------------------------------------------------------

@internal
@pure
def _moved(lanes: uint256, x: uint256, rate: uint256) -> (uint256, bool):
    """
    @notice 16 lanes of 16 bits in offset binary, each moved by rate · x, and whether one of them has left the range of 16 bits.
    @dev In lanes of 32 bits: 16 bits + rate · x, at most 2^23 up or down, + 2^31. So no lane borrows from another or carries
         into it, and a lane's bits 16 to 30 are all 0 if, and only if, it is in range.
    @param x Values of 8 bits in offset binary, in the lower bytes of 16 lanes of 16 bits, in the order of the lanes.
    @param rate Below 2^16, or minus that, modulo 2^256.
    """
    base: uint256 = unsafe_mul(ONES, unsafe_sub(MOVE_ZERO, unsafe_mul(rate, 128)))
    even: uint256 = unsafe_add(unsafe_add(lanes & HALVES, unsafe_mul(x & BYTES, rate)), base)
    odd: uint256 = unsafe_add(unsafe_add((lanes >> 16) & HALVES, unsafe_mul((x >> 16) & BYTES, rate)), base)
    return (even & HALVES) | ((odd & HALVES) << 16), (even | odd) & SPILT != 0


# ---- sums -----------------------------------------------------------------------------------------------------------
# Sums of 24 bits stand in 10 lanes of 24 bits; for products, every other of them in 5 lanes of 48 bits. There is room for the
# dot product of 2,048 features in a lane: 2^11 · 2^7 · 2^23 = 2^41, so products are added up before any is cut.

@internal
@pure
def _spread_10(x: uint256, second: uint256, third: uint256) -> uint256:
    """
    @notice 10 values of 8 bits, two's complement, in offset binary in the lowest bytes of 10 lanes of 24 bits, from the highest on:
            0, 3, 6, 9, then 1, 4, 7, then 2, 5, 8. Or 6 values: 0, 3, then 1, 4, then 2, 5, then nothing.
    @param x The values in the highest bits, the first highest; zeros behind them.
    @param second 120 for 10 values, 72 for 6.
    @param third 184 for 10 values, 112 for 6.
    """
    return (((x >> 32) | (x >> second) | (x >> third)) & BYTES_24) ^ OFFSET_8_24


@internal
@pure
def _product_10(x: uint256, sums: uint256) -> uint256:
    """
    @notice The product of packed integers in which Σ x_i · sums_i is lane 4 of 48 bits.
    @param x As `_spread_10` gives it.
    @param sums Two's complement, in the reverse order of x. What stands in lanes in which x is 0 or above 240 bits adds nothing.
    """
    s: uint256 = sums ^ SIGNS_24
    return unsafe_add(
        unsafe_mul(unsafe_sub((x >> 24) & BYTES_48, OFFSET_8_48), unsafe_sub(s & SUMS_48, OFFSET_24_48)),
        unsafe_mul(unsafe_sub(x & BYTES_48, OFFSET_8_48), unsafe_sub((s >> 24) & SUMS_48, OFFSET_24_48)),
    )


@internal
@pure
def _dot_of(products: uint256) -> uint256:
    """
    @notice The dot product in a sum of products, and 2^47.
    """
    return (unsafe_add(products, 2**239 + 2**191) >> 192) & (2**48 - 1)


@internal
@pure
def _turned_10(x: uint256) -> uint256:
    """
    @notice The lowest bytes of 10 lanes of 24 bits in reverse order.
    """
    y: uint256 = ((x >> 120) & (2**120 - 1)) | (x << 120)  # the lanes of 24 bits: 4 3 2 1 0 9 8 7 6 5
    return (
        ((y >> 96) & (BYTES_24 & (1 | (1 << 120)) * (2**24 - 1)))
        | ((y >> 48) & (BYTES_24 & (1 | (1 << 120)) * ((2**24 - 1) << 24)))
        | (y & (BYTES_24 & (1 | (1 << 120)) * ((2**24 - 1) << 48)))
        | ((y << 48) & (BYTES_24 & (1 | (1 << 120)) * ((2**24 - 1) << 72)))
        | ((y << 96) & (BYTES_24 & (1 | (1 << 120)) * ((2**24 - 1) << 96)))
    )


@internal
@pure
def _added_10(x: uint256, sums: uint256) -> (uint256, bool):
    """
    @notice The sums, each with its x added, and whether one has left the range of 24 bits. Bits above 240 stay as they are.
    @dev In lanes of 48 bits: 24 bits + x, at least -128 and at most 127, + 2^47. So no lane borrows from another or carries
         into it, and a lane's bits 24 to 46 are all 0 if, and only if, it is in range.
    """
    y: uint256 = self._turned_10(x)
    s: uint256 = sums ^ SIGNS_24
    even: uint256 = unsafe_add(unsafe_add(s & SUMS_48, y & BYTES_48), ADD_ZEROS)
    odd: uint256 = unsafe_add(unsafe_add((s >> 24) & SUMS_48, (y >> 24) & BYTES_48), ADD_ZEROS)
    return unsafe_sub(unsafe_add(s, y), OFFSET_8_24) ^ SIGNS_24, (even | odd) & ADD_SPILT != 0


@internal
@pure
def _squares_10(sums: uint256) -> uint256:
    """
    @notice Σ sums_i², of 10 lanes of 24 bits, two's complement.
    @dev With u_i = sums_i + 2^23: Σ u_i² - 2^24 · Σ u_i + 10 · 2^46.
    """
    s: uint256 = sums ^ SIGNS_24
    total: uint256 = 10 * 2**46
    for i: uint256 in range(5):
        u: uint256 = s & (2**24 - 1)
        v: uint256 = (s >> 24) & (2**24 - 1)
        total = unsafe_add(
            total,
            unsafe_add(unsafe_mul(u, unsafe_sub(u, 2**24)), unsafe_mul(v, unsafe_sub(v, 2**24))),
        )
        s >>= 48
    return total
