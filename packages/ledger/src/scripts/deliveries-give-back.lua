-- ARGV: id, lease. The delivery is due at once, as if it had not been taken.
local held = unleaseDelivery(ARGV[1], ARGV[2])
if not held then return 0 end
becomeDue(held.endpoint, ARGV[1], now)
freeSlots()
return 1
