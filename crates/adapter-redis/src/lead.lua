-- KEYS[1]  the turn that leads
-- ARGV     the turn that asks, the turn that gives way ('' is none), lifetime in ms
-- Gives the turn that leads now.
local leader = redis.call('GET', KEYS[1])
if leader and leader ~= ARGV[2] then
  return leader
end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[3])
return ARGV[1]
