-- Sets an operator's word on a breaker, with a version above the one before. Returns the version.
--
-- KEYS: the words. ARGV: 1 the breaker's name, 2 for how long, in ms or empty, 3 the rest of the word's JSON, 4 the channel.

local DAY = 86400000
local HEAD = '^{"version":(%d+),"until":(%w+),"mode":"([%w_]+)"' -- so this crate writes it
local call = redis.call
local time = call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

local function int(number)
  return string.format('%.0f', number)
end

local version, forgotten = now, {}
local words = call('HGETALL', KEYS[1])
for i = 1, #words, 2 do
  local said, ends, mode = string.match(words[i + 1], HEAD)
  said = tonumber(said)
  if said and words[i] == ARGV[1] then
    version = math.max(now, said + 1)
  elseif said then
    -- of no use any more, to any instance: the names of breakers may be many
    local over = tonumber(ends) or (mode == 'release' and said)
    if over and over + DAY < now then
      forgotten[#forgotten + 1] = words[i]
    end
  end
end

local ends = ARGV[2] == '' and 'null' or int(now + ARGV[2])
call('HSET', KEYS[1], ARGV[1], '{"version":' .. int(version) .. ',"until":' .. ends .. ',' .. ARGV[3])
for _, name in ipairs(forgotten) do
  call('HDEL', KEYS[1], name)
end
call('PUBLISH', ARGV[4], 'o')
return version
