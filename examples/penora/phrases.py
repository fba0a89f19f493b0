"""What Penora writes with: beats of two or three sentences, by genre; `{slots}` are filled from words.py."""

from __future__ import annotations

STORY = (
    "{name} had passed the {motif} every day for years before it asked for anything. It asked quietly, the way a house asks "
    "for paint: one morning it was simply impossible to look at it and do nothing.",
    "{weather}, and {light} lay across the table. {hero} set down {small} and looked at it for a long while, as if it might "
    "explain itself if it were given time.",
    "People in town had their own opinions about the {motif}. The baker held that it was unlucky; the postmistress, who had "
    "read more letters than she admitted, held only that it was older than anyone's quarrel with it.",
    "“You could leave it,” said {friend}, who was fond of leaving things. “I could,” said {hero}, and went to look for "
    "a lamp.",
    "There is a kind of silence that is only the absence of noise, and another that leans in to listen. This was the second "
    "kind. Far off there was {sound}, and then not even that.",
    "The first attempt failed, as first attempts do, thoroughly and in front of witnesses. The second failed more privately. "
    "By the third, {hero} had stopped counting and begun to pay attention.",
    "It was {time} when the answer came, and it came sideways. {hero} had been thinking about supper, and about the "
    "{motif2}, and suddenly the two halves of the matter slid together like a drawer.",
    "Beneath the dust there were marks: not letters, exactly, but made by somebody who had known letters and grown tired of "
    "them. {hero} copied them out {manner}, line by line, onto the back of a bill.",
    "{friend} came by with soup and stayed to argue. By the time the bowl was empty they had agreed on nothing but the need "
    "for more light, and so they carried the lamp between them to {place}.",
    "What nobody had said, in all those years, was that the {motif} had been built with love. It showed in the joints, in "
    "the places no visitor would ever look, where the work was finest.",
    "That night {hero} dreamed of water climbing a staircase one polite step at a time. In the morning the floor was dry, "
    "but at {place} there lay {small} that had not been there before.",
    "Some things are lost because no one looks for them, and some because everyone does, in the same place. {hero} turned "
    "round, and for the first time looked the other way.",
    "The road out past {place} was narrower than it used to be, or {hero} had grown used to wider ones. Either way it led "
    "where it had always led, and {friend} was already there, pretending to have just arrived.",
    "“Who taught you that?” asked the old woman at the gate. {hero} considered lying, found it too much work, and told her "
    "everything; and she nodded at each part as though checking it against a list.",
    "It would be easy to say that courage was needed. What was needed was a screwdriver, a dry afternoon, and the "
    "willingness to be seen caring about something. Only the last was hard to borrow.",
    "{weather}. From {place} the whole town could be seen at once, small and lit and entirely unaware of how kind it looked.",
    "When the {motif} moved at last it made no sound at all. Only the shadow shifted, by the width of a finger, and all "
    "along the street the dogs sat down together.",
    "{hero} thought of everyone who had stood here before, each with a different reason and the same cold hands. It was "
    "{feeling}, to be one more of them.",
    "There was a page missing from the ledger, torn out so neatly that it had taken years to be missed. {friend} found it "
    "behind the {motif2}, still flat, still legible, still dated for tomorrow.",
    "They worked until the lamp ran low, and then a little longer by memory. Neither spoke of stopping; to speak of it would "
    "have been to notice how tired they were, and how happy.",
    "Later there would be versions. In the baker's it took a week and a priest; in the children's there was a whale. {hero} "
    "never corrected them. A story that is repeated is being kept, and that was the point.",
    "So the {motif} stayed, and the town, which had come to see it go, stayed too. Somebody brought chairs. Somebody else "
    "remembered a song, or most of one, and the rest was made up on the spot.",
)

ESSAY = (
    "We tend to speak of the {motif} as if it were a reward, something to be earned once the real business is done. It may "
    "be truer to say that the real business begins there.",
    "Consider how little of a day is chosen. The alarm, the inbox, the queue: each is a small decision made by somebody "
    "else. What is left over is called free time, as though the rest were rightly captive.",
    "There is a practical argument, and it comes first because it is the easiest to dismiss. Attention is finite, it tires, "
    "and it recovers only when it is allowed to wander without a purpose.",
    "A carpenter I know sharpens every blade before the first cut, even when the blades are sharp. “It isn't for the "
    "chisel,” she told me. “It's so that I arrive.” I have thought of that on many a hasty morning since.",
    "The objection is obvious: not everyone can afford to wait. That is true, and it should trouble us more than it does. "
    "But an argument that only the lucky may be thoughtful is an argument about luck, not about thought.",
    "Speed is often confused with urgency. The first is a measurement, the second a mood, and the mood is contagious. A "
    "room of people in a hurry will hurry over anything, including the question of where they are going.",
    "I kept a notebook for a month. On the days that began in haste I wrote more lines and crossed out most of them; on the "
    "slow days I wrote fewer, and kept them. It is a poor experiment, but I have not been able to forget it.",
    "None of this is new. The old rules for monks and the older ones for farmers agree on a surprising number of points: "
    "rise early, do one thing, look at the sky, do not trust a plan made after dark.",
    "What we praise, we tend to get. Praise the quick reply and there will be quick replies, each needing another. Praise "
    "the good question and, for a while at least, the room goes quiet.",
    "There is a difference between emptiness and room. A cupboard with nothing in it is empty; a table with nothing on it "
    "is ready. Most of us, asked about our diaries, could not say which of the two we are afraid of.",
    "The word itself is worth turning over. To take care is to take something, and care is also a kind of weight. Perhaps "
    "that is why it cannot be done at a run: the hands are full.",
    "Of course there is a vanity in slowness too. It can be worn like a good coat, to be noticed. The test is simple: does "
    "the work improve, or only the worker's opinion of it?",
    "Think of the last idea that was truly yours. It is unlikely to have arrived at a desk. It came on the stairs, in the "
    "bath, beside the {motif2}, at the precise moment you had stopped asking for it.",
    "Craft is mostly the art of noticing earlier. The beginner sees the mistake when it is finished; the journeyman while it "
    "is being made; the master a moment before, and changes the angle of the hand.",
    "Institutions find this hard, because noticing does not fit in a report. One can count what was done. It is much harder "
    "to count what was wisely left alone.",
    "I do not propose a system. Systems for being unhurried have a way of becoming one more thing to keep up with. I propose "
    "only a chair by the {motif2}, and ten minutes in which nothing is improved.",
    "The strongest case is the plainest. We remember best the hours in which we were present, and we are present mostly when "
    "nothing is pulling at our sleeve. A life is made of what was attended to.",
    "It helps to begin badly on purpose. Write the poor sentence, plant the crooked row, play the wrong note loudly. Fear "
    "is a kind of haste, and it leaves when it sees there is nothing left to protect.",
    "Somewhere between the perfect and the finished there is a narrow path, and it is walked at walking pace. Those who run "
    "it miss the turning; those who stand still never learn that there was one.",
    "So let the case rest there, unhurried. The {motif} will come round again tomorrow, as it always does, and it will ask "
    "nothing of us but that we be in the room.",
)

NOTES = (
    "**Begin with what is there.** Walk round once with empty hands before changing anything. Write down the three things "
    "that already work; they are the plan's foundations and cost nothing.",
    "**Light before layout.** Note where the sun falls {time}, and again at four. Everything that matters about the {motif} "
    "follows from that, and no amount of effort later will move it.",
    "**Fewer, better.** Last year's list had nineteen items and nine survived. This year: seven, each with a reason written "
    "beside it. If the reason cannot be written in a line, the item waits.",
    "**Keep a margin.** Leave a fifth of the space and a fifth of the week unassigned. It will be filled by whatever was "
    "forgotten, which is always the most important thing.",
    "**Cheap tests first.** Try one corner for ten days. Measure something simple, in a unit that can be seen without "
    "glasses, and decide beforehand what result would change the plan.",
    "**Tools.** The good knife, string, a bucket, labels that survive rain. Everything else can be borrowed from {friend}, "
    "who will want to come and look anyway.",
    "**Sequence.** First the heavy work, while the ground is soft and the mood is high; then edges; then whatever is pretty. "
    "Doing it in the other order is pleasant, and has to be done twice.",
    "**A question to settle.** Is the {motif2} meant to be useful or to be looked at? Both is a fine answer, but one of them "
    "has to win when there is only room for one.",
    "**Weather rule.** If it is raining, sharpen, sort and write. If it is dry, do not sit down. This single rule was worth "
    "more than every calendar tried so far.",
    "**What went wrong last time.** Started too early, watered too much, trusted the forecast. All three are the same mistake: "
    "wanting to be further along than the season was.",
    "**Ask.** {name} at the market has done this for thirty years and answers any question put before eight o'clock. Bring "
    "coffee; bring the drawing; do not bring opinions.",
    "**Record.** One line a day, no more: date, what was done, what was seen. In a month it is a chart, in a year it is "
    "advice, and it takes less time than looking for the advice elsewhere.",
    "**Budget.** Spend on soil, on seed, on things that touch the hand. Save on everything that only touches the eye. "
    "Reckon the hours too, since they are the part that cannot be refunded.",
    "**Stop here.** Leave the last quarter for May. A plan that is finished in March has simply stopped listening, and the "
    "{motif} will have something to say by then.",
)

LETTER = (
    "I meant to write sooner, and then the weeks did what weeks do. But it is {time}, there is {light} on the page, and you "
    "were the first person I wanted to tell.",
    "You would like it here. There is {sound} every evening, always a few minutes late, and nobody minds. I have started to "
    "set my day by it, which I suppose makes me a few minutes late as well.",
    "Do you remember {place}, and how certain we were of everything? I walked past something like it last week and felt "
    "{feeling}, so sharply that I had to stop and pretend to tie a shoe.",
    "I have been carrying {small} in my coat since the winter. It is no use at all. But when I find it there I think of the "
    "day you gave it to me, and of how hard it was raining, and that we did not go in.",
    "{name} asks after you. I said that you were well and busy, which I hope is true in that order. If it is not, write and "
    "tell me, and I will come; the trains are slow but they do arrive.",
    "The {motif} is the same as ever, only smaller, as things are when one goes back to them. I stood in front of it like a "
    "visitor. Then somebody handed me a broom, and I was home.",
    "Across from me a child is asleep with one shoe on. Her father has been holding the other for an hour, afraid to move. "
    "I do not know why this should make me so hopeful, but it does.",
    "I have learned to cook three things properly, and to apologise without explaining. Of the two the second took longer. "
    "When you visit you shall have all three, and no apologies, I promise.",
    "{weather}, just now, and everyone in the carriage looked up at the same moment. Then we all looked down again, a little "
    "shy, like people who have sung together by accident.",
    "You asked in your last letter whether I was happy. I have thought about it past four stations. I think I am like the "
    "{motif2}: better from the inside, and best with the lamps lit.",
    "There are things I should have said when we were both standing on the platform. They were not large things. They were "
    "only true, and I thought that there would be another train.",
    "Tell me what you are reading, and whether the roof was mended, and if you still walk out in the evening. Tell me "
    "something dull. I miss the dull things most; anyone can send the news.",
    "They have dimmed the lights now and I am writing by the window, by whatever towns we pass. So if the lines wander it is "
    "not sorrow or wine, only the curve of the track.",
    "I will post this from the first place with a stamp. Keep a chair free, and the kettle within reach, and believe that I "
    "am, as I was that summer and have been all the while since, entirely your friend.",
)

RECIPE = (
    "This is a recipe for a day with nowhere to go. It asks for little and is patient with interruptions; the dough will wait "
    "for a telephone call, and is the better for it.",
    "Warm the bowl first. Stir the yeast into the milk with the honey, and leave it in peace until it smells like "
    "the inside of a bakery, about ten minutes.",
    "Rub the zest into the flour with your fingertips, until the whole kitchen knows what you are making. Strip the thyme "
    "from its stalks, chop it once, and add it with the salt.",
    "Pour in the milk and the oil, and bring everything together with a spoon. It will look like a mistake. Cover it, walk "
    "away for a quarter of an hour, and it will have forgiven you.",
    "Knead for eight minutes on a table with hardly any flour. You are done when it springs back slowly, like somebody "
    "thinking over a question, and no longer clings to your hands.",
    "Let it rise for an hour and a half beside the stove, under a damp cloth. Then fold it twice, shape it into a round, and "
    "give it forty minutes more while the oven heats to 220 °C.",
    "Brush the top with oil, scatter it with coarse salt, and cut a cross as deep as a fingernail. Bake for thirty minutes, "
    "until it is the colour of a violin and sounds hollow underneath.",
    "Cool it on a rack for at least half an hour. This is the hardest instruction on the page. Eat the first slice warm with "
    "cold butter, the second with soft cheese, and do not count the third.",
    "It keeps for three days in a cloth and toasts well on the fourth. If there is any left on the fifth it makes the best "
    "crumbs you will ever put over a dish of beans; but there will be none left.",
    "For a change, use orange and rosemary, or leave out the honey and fold in a handful of olives. {friend} makes it with "
    "walnuts and says that mine is too plain, and takes home half of it every time.",
)

INGREDIENTS = (
    "500 g strong white flour",
    "300 ml warm milk",
    "7 g dried yeast",
    "1 tbsp honey",
    "2 unwaxed lemons, zest only",
    "6 sprigs of thyme",
    "3 tbsp olive oil",
    "9 g salt, and a little coarse salt for the top",
)
