-- Appends events to the log of one turn, numbers them, and tells the nodes where somebody listens.
-- KEYS: the log, what is known of it, the nodes that listen.
-- ARGV: fence, batch, floor, "1" when the last event ends the response, time to live in milliseconds, the turn, the
-- beginning of a node's channel, the events.
-- Answers: 0 appended or repeated, 1 stale, 2 closed; the next number; 1 when closed.
local log, meta, nodes = KEYS[1], KEYS[2], KEYS[3]
local fence, batch, floor = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local closes, ttl, turn, channel = ARGV[4], ARGV[5], ARGV[6], ARGV[7]

local known = redis.call('HMGET', meta, 'fence', 'batch', 'next', 'closed')
local next_seq = tonumber(known[3] or 0)
local closed = tonumber(known[4] or 0)
-- Only an end that is stored closes a log, and a turn has at most one: whatever fence has written, it is due.
local is_due = closes == '1' and closed == 0
if known[1] and not is_due then
  local newest = tonumber(known[1])
  if fence < newest then
    return { 1, next_seq, closed }
  end
  if fence == newest and batch <= tonumber(known[2]) then
    return { 0, next_seq, closed }
  end
  if closed == 1 then
    return { 2, next_seq, closed }
  end
elseif not known[1] then
  -- Evicted or expired without its log: go on after the last event.
  local last = redis.call('XREVRANGE', log, '+', '-', 'COUNT', 1)[1]
  if last then
    next_seq = tonumber(string.match(last[1], '^%d+'))
  end
end

next_seq = math.max(next_seq, floor)
local frame = { turn, string.format('%.0f', next_seq) }
for i = 8, #ARGV do
  next_seq = next_seq + 1
  redis.call('XADD', log, string.format('%.0f-0', next_seq), 'e', ARGV[i])
  frame[#frame + 1] = ARGV[i]
end
redis.call('HSET', meta, 'fence', ARGV[1], 'batch', ARGV[2], 'next', string.format('%.0f', next_seq), 'closed', closes)
redis.call('PEXPIRE', meta, ttl)
redis.call('PEXPIRE', log, ttl)

local listening = redis.call('SMEMBERS', nodes)
if #listening > 0 then
  local payload = table.concat(frame, '\30')
  for _, node in ipairs(listening) do
    redis.call('PUBLISH', channel .. node, payload)
  end
end
return { 0, next_seq, tonumber(closes) }
