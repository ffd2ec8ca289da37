"""Words of the corpus: what people feel, what they talk about, and how they write."""

from __future__ import annotations

from typing import Final

from scorelens_scorer.corpus.grammar import words

BRANDS: Final = {
    "brand_harbourline": (
        "Harbourline",
        ("Harbourline", "Harbourline Bank", "@harbourline", "#harbourline", "harborline"),
    ),
    "brand_quillmont": ("Quillmont", ("Quillmont", "Quillmont Bank", "@quillmont", "quillmont", "Quilmont")),
    "brand_beacon": ("Beacon", ("Beacon", "Beacon Bank", "@beaconbank", "beacon", "the Beacon app")),
    "brand_tavropay": ("Tavro Pay", ("Tavro", "Tavro Pay", "@tavropay", "tavropay", "TavroPay")),
    "brand_oakrise": ("Oakrise", ("Oakrise", "Oakrise Mutual", "#oakrise", "oakrise", "Oak Rise")),
}
"""Made-up brands: title, and the ways in which people write each."""

WORDS: Final = {
    "good_adjective": words("""
        good, great, excellent, amazing, awesome, fantastic, wonderful, brilliant, lovely, superb, perfect, beautiful,
        impressive, delightful, pleasant, nice, fun, funny, sweet, cool, charming, outstanding, terrific, fabulous,
        helpful, friendly, kind, generous, reliable, smart, clever, useful, easy, smooth, fresh, bright, warm, happy,
        enjoyable, exciting, inspiring, stunning, gorgeous, solid, fair, honest, rich, strong, safe, calm, elegant,
        entertaining, hilarious, touching, thoughtful, refreshing, comfortable, successful, winning, magnificent,
        adorable, cute, cheerful, hopeful, proud, worthy, valuable, effective, healthy, tasty, delicious, sharp, clear,
        well made, well done, top notch, first class, a joy, a gem, a treat, a pleasure, a masterpiece, a success"""),
    "bad_adjective": words("""
        bad, awful, terrible, horrible, dreadful, poor, disappointing, useless, boring, dull, ugly, rude, slow, broken,
        annoying, frustrating, pathetic, disgusting, ridiculous, stupid, lame, weak, cheap, nasty, unfair, dishonest,
        painful, sad, depressing, miserable, tedious, messy, sloppy, mediocre, shameful, absurd, worthless, faulty,
        unreliable, dangerous, scary, cruel, harsh, hopeless, confusing, clumsy, noisy, dirty, sick, tired, wrong,
        dead, bland, predictable, forgettable, pointless, embarrassing, shocking, appalling, atrocious, lousy, silly,
        angry, upset, worried, guilty, toxic, corrupt, expensive, overpriced, outdated, defective, lazy, clueless,
        a mess, a joke, a disaster, a failure, a waste, a nightmare, a shame, a disgrace, a scandal, a flop"""),
    "good_verb": words("""
        love, like, adore, enjoy, appreciate, recommend, admire, trust, really like, absolutely love, am so happy with,
        am impressed by, am grateful for, am glad about, am proud of, am excited about, am thrilled with,
        can only praise, keep smiling about, am delighted with, am a big fan of, was won over by,
        laughed so much at, am pleased with"""),
    "bad_verb": words("""
        hate, dislike, regret, despise, resent, cannot stand, am sick of, am tired of, am disappointed by,
        am angry about, am worried about, am ashamed of, am upset about, am fed up with, gave up on,
        lost all trust in, am sorry about,
        am scared of, complain about, suffer from, am annoyed by, wasted my money on, was let down by, am done with"""),
    "good_noun": words("""
        a win, good news, a pleasure, a great success, pure joy, a big improvement, a smile, real progress, a blessing,
        the best thing ever, a relief, a victory, great fun, a dream come true, a lovely surprise, love, happiness,
        a bargain, an award, peace of mind, so much joy, a good laugh, hope, friendship, freedom"""),
    "bad_noun": words("""
        a loss, bad news, a disaster, a total failure, pure misery, a big problem, a headache, real trouble, a crisis,
        the worst thing ever, pain, a defeat, a waste of time, a lie, a nightmare, an insult, fear, anger, death,
        a scandal, a war, a crime, damage, so much stress, a mistake, violence, injury, poverty, a threat, chaos"""),
    "good_exclamation": words("""
        Yay!, Woohoo!, Thank you so much!, Congratulations!, Well done!, Love it., Loved every minute., Best day ever!,
        So happy right now., Five stars., Highly recommended., Worth every penny., Thanks!, Good job., Made my day.,
        So much fun!, Can't wait!, Lucky me., Happy birthday!, Feeling blessed., lol this is great, haha brilliant,
        Enjoy!, What a relief., Fingers crossed it stays this way., Hope you have a great day!, God bless., Cheers!"""),
    "bad_exclamation": words("""
        Ugh., Argh!, What a shame., Shame on them., So sad., Never again., Worst day ever., Total waste of money., RIP.,
        I want to cry., Disgusting., Unbelievable., No thanks., Avoid., One star., Boo., Makes me sick., What a joke.,
        So disappointed., This hurts., wtf, smh, I give up., Poor thing., I miss it so much., Sorry for your loss.,
        Don't bother., What a pity., Damn., Fail., Not cool., I feel awful., It makes me angry."""),
    "adverb": words("""
        really, very, so, truly, absolutely, totally, quite, extremely, incredibly, simply, just, pretty, seriously,
        kind of, super, surprisingly, a bit, rather, always, once again"""),
    "thing": words("""
        movie, film, song, album, book, game, phone, camera, laptop, restaurant, pizza, coffee, match, party, concert,
        weather, weekend, trip, hotel, beach, dog, cat, show, episode, story, series, class, teacher, job, interview,
        team, player, coach, city, garden, dress, haircut, gift, dinner, breakfast, speech, idea, plan, battery, screen,
        sound, picture quality, headset, keyboard, plot, acting, director, script, cast, ending, soundtrack, scene,
        decision, law, vote, campaign, article, project, government, school, hospital, road, train, museum, wedding"""),
    "person": words("""
        my mum, my dad, my sister, my brother, my boss, my neighbour, a friend, my wife, my husband, my girlfriend,
        the kids, my best friend, everybody at work, the president, the mayor, the whole town, our team, the fans"""),
    "staff": words("""
        the agent, your adviser, the lady at the counter, the man on the phone, the team, customer service,
        the branch staff, the support chat, the manager, Priya from support, Tom at the branch, the call centre"""),
    "place": words("""
        Leeds, Bristol, Porto, Lyon, Hamburg, Austin, Toronto, Dublin, Madrid, Antwerp, Oslo, Graz, Denver, Cork,
        Malmo"""),
    "day": words(
        "today, yesterday, on Monday, on Tuesday, this morning, last night, last week, over the weekend, again, now"
    ),
    "span": words(
        "two days, three weeks, a month, six weeks, ten days, four hours, half an hour, ages, a whole year, 45 minutes"
    ),
    "sum": words("30, 45.50, 120, 250, 399, 75, 1200, 18.99, 640, 2300, 15, 89"),
    "rate": words("1.9, 2.4, 3.1, 3.75, 4.2, 4.99, 5.5, 0.8, 6.1"),
    "number": words("two, three, four, five, six, seven, nine, a dozen, twenty"),
    "analyst": words(
        "analysts, economists, the regulator, a spokesperson, consumer groups, researchers, the finance ministry"
    ),
    "move": words("rose, fell, slipped, climbed, edged up, stayed flat, dropped, recovered, eased"),
}

EMOJI: Final = {
    "good": ("😀", "😍", "🎉", "👍", "❤️", "🙌", "😊", ":)", ":D", "💯", "<3", ";)"),
    "bad": ("😡", "😠", "👎", "😞", "🤬", "😭", ":(", "💔", ":/", "😤", "🤦", ":'("),
    "plain": ("🤔", "👀", "📈", "🏠", "💳", "🙃", "☕", "📱"),
    "sarcastic": ("🙄", "😂", "👏", "🙃", "😒"),
}

SLANG: Final = {
    "you": "u", "are": "r", "please": "pls", "thanks": "thx", "great": "gr8", "people": "ppl", "because": "cuz",
    "really": "rly", "love": "luv", "terrible": "trash", "amazing": "lit", "good": "gud", "very": "v", "for": "4",
    "tomorrow": "tmrw", "what": "wot", "about": "abt", "awesome": "awsm", "never": "nvr", "money": "cash",
    "customer service": "cs", "do not": "dont", "cannot": "cant", "I am": "im", "going to": "gonna", "want to": "wanna",
}  # fmt: skip

AUTHORS: Final = words("""
    amelia, bao, chidi, dana, elif, farid, greta, hugo, ines, jonas, kavya, lena, marco, nadia, omar, paula, quentin,
    rosa, sven, tariq, uma, viktor, wanda, ximena, yusuf, zoe""")
